"""RMSNorm and LayerNorm, forward and backward."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from assay.workloads.numerics.chunks import by_rows
from assay.workloads.numerics.primitives import divide, root, single
from assay.workloads.numerics.sums import sum_rows, tree_sum


def mean(x: Tensor) -> Tensor:
    """Return the means of the rows [..., 1]."""
    return divide(tree_sum(x), float(x.shape[-1]))


def inverse_root(x: Tensor, eps: float) -> Tensor:
    """Return 1 / sqrt(x + eps)."""
    return torch.ones((), device=x.device) / root(x + single(eps))


def scaled_back(g: Tensor, h: Tensor, r: Tensor) -> Tensor:
    """Return r * (g - h * mean(g * h)): the gradient through h = x * r, r the inverse root of the mean square."""
    return (g - h * mean(g * h)).mul_(r)


class RMSNorm(Function):
    """x over its root mean square, times a weight."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        """Return [..., D] for x [..., D] and weight [D]."""
        r = by_rows(lambda x: inverse_root(mean(x * x), eps), x)
        ctx.save_for_backward(x, weight, r)
        return by_rows(lambda x, r: (x * r).mul_(weight), x, r)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of x and weight."""
        x, weight, r = ctx.saved_tensors
        (g,) = gradients
        for_x, for_weight, _ = ctx.needs_input_grad
        return (
            by_rows(lambda g, x, r: scaled_back(g * weight, x * r, r), g, x, r) if for_x else None,
            sum_rows(by_rows(lambda g, x, r: (x * r).mul_(g), g, x, r)) if for_weight else None,
            None,
        )


class LayerNorm(Function):
    """x less its mean, over its deviation, times a weight, plus a bias."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        """Return [..., D] for x [..., D], weight [D], bias [D]."""
        d = by_rows(lambda x: x - mean(x), x)
        r = by_rows(lambda d: inverse_root(mean(d * d), eps), d)
        h = by_rows(lambda d, r: d * r, d, r)
        ctx.save_for_backward(h, weight, r)
        return by_rows(lambda h: (h * weight).add_(bias), h)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of x, weight and bias."""
        h, weight, r = ctx.saved_tensors
        (g,) = gradients
        for_x, for_weight, for_bias, _ = ctx.needs_input_grad
        return (
            by_rows(lambda g, h, r: centred_back(g * weight, h, r), g, h, r) if for_x else None,
            sum_rows(by_rows(lambda g, h: g * h, g, h)) if for_weight else None,
            sum_rows(g) if for_bias else None,
            None,
        )


def centred_back(g: Tensor, h: Tensor, r: Tensor) -> Tensor:
    """Return r * (g - mean(g) - h * mean(g * h))."""
    return (g - mean(g)).sub_(h * mean(g * h)).mul_(r)


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Return x / sqrt(mean(x^2) + eps) * weight, by rows."""
    y: Tensor = RMSNorm.apply(x, weight, eps)  # type: ignore[no-untyped-call]
    return y


def layer_norm(x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> Tensor:
    """Return (x - mean) / sqrt(variance + eps) * weight + bias, by rows."""
    weight = torch.ones(x.shape[-1], device=x.device) if weight is None else weight
    bias = torch.zeros(x.shape[-1], device=x.device) if bias is None else bias
    y: Tensor = LayerNorm.apply(x, weight, bias, eps)  # type: ignore[no-untyped-call]
    return y
