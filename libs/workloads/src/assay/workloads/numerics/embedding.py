"""Rows of a table by index; backward, every row gets the exact sum of its gradients, whatever their order."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from assay.workloads.numerics.fixed import magic
from assay.workloads.numerics.primitives import descale, is_recorded, quantise, row_exponent, sum_at, top_of


class Embedding(Function):
    """table[index]."""

    @staticmethod
    def forward(ctx: Any, index: Tensor, table: Tensor) -> Tensor:
        """Return [..., D] for index [...] and table [V, D]."""
        ctx.index, ctx.count = index.reshape(-1), len(table)
        return table[index]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        """Return the gradient of the table. Each of its columns is fixed with one power of two."""
        return None, sum_gradients(gradients[0].flatten(0, -2), ctx.index, ctx.count)


def sum_gradients(g: Tensor, index: Tensor, count: int) -> Tensor:
    """Return the sums [V, D] of the rows of g [N, D] by index."""
    if is_recorded():
        columns = g.mT.contiguous()
        s = row_exponent(columns)
        return descale(sum_at(index, quantise(columns, s).mT.contiguous(), count), s.mT)
    shift = magic(top_of(g, 0))
    places, at = torch.unique(index, return_inverse=True)
    # Float64 holds these sums exactly, whatever their order, as it holds a product's.
    sums = torch.zeros(len(places), g.shape[1], dtype=torch.float64, device=g.device)
    sums.index_add_(0, at, (g + shift).sub_(shift).double())
    return torch.zeros(count, g.shape[1], device=g.device).index_copy_(0, places, sums.float())


def embedding(index: Tensor, table: Tensor) -> Tensor:
    """Return the rows of the table [V, D] at index [...]."""
    y: Tensor = Embedding.apply(index, table)  # type: ignore[no-untyped-call]
    return y
