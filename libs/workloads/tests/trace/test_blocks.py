"""Attention whose gradients cancel: honest rounding is no finding, lower precision is one."""

from typing import Any

import pytest
import torch

from assay.workloads.trace.blocks import summed_backward
from assay.workloads.trace.checking import CANCELLED, residual_between
from assay.workloads.trace.rules import Rule
from assay.workloads.trace.tolerances import TOLERANCES

ATTENTION = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
BACKWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
EACH = TOLERANCES[Rule.BLOCKWISE, "float32"].each


def gradients(spread: float, kind: torch.dtype) -> tuple[Any, list[torch.Tensor]]:
    """The arguments and results of a backward attention in this type, where values differ by `spread` of their size."""
    draw = torch.Generator().manual_seed(5)
    query, key, value, gradient = (torch.randn(2, 3, 64, 16, generator=draw) for _ in range(4))
    alike = value[:, :, :1] + spread * value
    inputs = [each.to(kind) for each in (query, key, alike)]
    result, log_sum = ATTENTION(*inputs, 0.0, True)
    args = (gradient.to(kind), *inputs, result, log_sum, 0.0, True)
    return args, list(BACKWARD(*args))


def residual(spread: float, kind: torch.dtype, is_summed: bool) -> float:
    """How far gradients in this type lie from those in float64."""
    args, mine = gradients(spread, torch.float64)
    _, theirs = gradients(spread, kind)
    sizes = summed_backward(args, None) if is_summed else [0.0] * 3
    pairs = zip(mine, theirs, sizes, strict=True)
    return max(residual_between(a, b.double(), size * CANCELLED) for a, b, size in pairs)


@pytest.mark.parametrize("spread", [1.0, 1e-2, 1e-3, 1e-4])
def test_rounding_of_gradients_that_cancel_is_within_the_limit(spread: float) -> None:
    assert residual(spread, torch.float32, is_summed=True) <= EACH


def test_against_what_is_left_alone_it_would_be_over_the_limit() -> None:
    assert residual(1e-3, torch.float32, is_summed=False) > EACH


@pytest.mark.parametrize("spread", [1.0, 1e-2, 1e-3, 1e-4])
def test_gradients_of_half_precision_are_over_the_limit(spread: float) -> None:
    assert residual(spread, torch.bfloat16, is_summed=True) > 10 * EACH
