"""Sums in a fixed tree of float32 additions: element i meets element i + h, h the greatest power of two below n.

Zeros at the end change nothing, so a sum over a padded or masked row is that over its prefix.
"""

import torch
from torch import Tensor


def tree_sum(x: Tensor, dim: int = -1) -> Tensor:
    """Return the sums along `dim`, which is kept with length 1. The error grows as the tree's height, not its size."""
    dim %= x.dim()
    while (n := x.shape[dim]) > 1:
        h = 1 << (n - 1).bit_length() - 1
        low, high = x.narrow(dim, 0, h), x.narrow(dim, h, n - h)
        if n == 2 * h:
            x = low + high
        else:
            x = torch.cat([low.narrow(dim, 0, n - h) + high, low.narrow(dim, n - h, 2 * h - n)], dim)
    return x


def tree_of(parts: list[Tensor]) -> Tensor:
    """Return the sum of some tensors of one shape, in the same tree."""
    while (n := len(parts)) > 1:
        h = 1 << (n - 1).bit_length() - 1
        parts = [parts[i] + parts[i + h] if i + h < n else parts[i] for i in range(h)]
    return parts[0]


def sum_rows(x: Tensor) -> Tensor:
    """Return the sums over all axes but the last: the gradient of a vector that was added to every row."""
    return tree_sum(x.reshape(-1, x.shape[-1]), 0).reshape(-1)


def sum_to(x: Tensor, shape: torch.Size) -> Tensor:
    """Return x summed over every axis along which a tensor of this shape was broadcast to it."""
    while x.dim() > len(shape):
        x = x.flatten(0, 1) if x.dim() - len(shape) > 1 else tree_sum(x, 0).squeeze(0)
    for dim, length in enumerate(shape):
        if length == 1 and x.shape[dim] != 1:
            x = tree_sum(x, dim)
    return x
