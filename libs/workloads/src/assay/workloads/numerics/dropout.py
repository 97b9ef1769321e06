"""Dropout by a mask from the counter-based generator."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from assay.workloads.numerics.generator import Generator
from assay.workloads.numerics.primitives import single


def draw_factors(shape: torch.Size, share: float, generator: Generator, device: torch.device) -> Tensor:
    """Return 0 where an element is dropped, with this probability, and 1 / (1 - share) elsewhere."""
    drawn = generator.uniform(*shape, device=device)
    return torch.where(drawn < single(share), 0.0, single(1 / (1 - share)))


class Scale(Function):
    """x times factors that get no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factors: Tensor) -> Tensor:
        """Return x * factors."""
        ctx.save_for_backward(factors)
        return x * factors

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of x."""
        return gradients[0] * ctx.saved_tensors[0], None


def dropout(x: Tensor, share: float, generator: Generator) -> Tensor:
    """Return x with this share of its elements dropped and the others scaled up, by the generator's next draw."""
    y: Tensor = Scale.apply(x, draw_factors(x.shape, share, generator, x.device))  # type: ignore[no-untyped-call]
    return y
