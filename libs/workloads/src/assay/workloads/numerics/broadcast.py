"""Axes that are stretched and summed, so that what autograd sums is summed in a fixed tree."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from assay.workloads.numerics.primitives import divide
from assay.workloads.numerics.sums import sum_to, tree_sum


class Expand(Function):
    """A tensor broadcast to a shape."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, shape: torch.Size) -> Tensor:
        """Return x in this shape."""
        ctx.shape = x.shape
        return x.expand(shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Return the gradient summed over the stretched axes."""
        return sum_to(gradients[0], ctx.shape), None


class Sum(Function):
    """A sum over one axis, which is kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, dim: int) -> Tensor:
        """Return the sums."""
        ctx.shape = x.shape
        return tree_sum(x, dim)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of every summand."""
        return gradients[0].expand(ctx.shape), None


def expand(x: Tensor, *sizes: Any) -> Tensor:
    """Return x broadcast to these sizes; -1 keeps a length."""
    asked = list(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else list(sizes)
    lengths = [1] * (len(asked) - x.dim()) + list(x.shape)
    shape = torch.Size(length if size == -1 else size for size, length in zip(asked, lengths, strict=True))
    y: Tensor = Expand.apply(x, shape)  # type: ignore[no-untyped-call]
    return y


def spread(operator: Callable[..., Any]) -> Callable[..., Any]:
    """Return an elementwise operator whose tensors are broadcast by `expand` where a gradient flows back."""

    def apply(*args: Any, **settings: Any) -> Any:
        tensors = [arg for arg in args if isinstance(arg, Tensor)]
        if len({tensor.shape for tensor in tensors}) > 1 and any(tensor.requires_grad for tensor in tensors):
            shape = torch.broadcast_shapes(*(tensor.shape for tensor in tensors))
            args = tuple(stretch(arg, shape) if isinstance(arg, Tensor) else arg for arg in args)
        return operator(*args, **settings)

    return apply


def stretch(x: Tensor, shape: torch.Size) -> Tensor:
    """Return x in this shape if a gradient flows back through it and it has another; else x."""
    return expand(x, shape) if x.requires_grad and x.shape != shape else x


def total(x: Tensor, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """Return the sum over some axes, or over all."""
    dims = range(x.dim()) if dim is None else [dim] if isinstance(dim, int) else dim
    for each in dims:
        x = Sum.apply(x, each)  # type: ignore[no-untyped-call]
    return x if keepdim else x.reshape([length for at, length in enumerate(x.shape) if at not in positive(dims, x)])


def positive(dims: Any, x: Tensor) -> set[int]:
    """Return the axes counted from the first."""
    return {dim % x.dim() for dim in dims}


def mean(x: Tensor, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """Return the mean over some axes, or over all."""
    y = total(x, dim, keepdim)
    return divide(y, float(x.numel() // max(1, y.numel())))
