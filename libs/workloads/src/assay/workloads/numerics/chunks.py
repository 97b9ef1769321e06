"""Elementwise work in pieces that stay in the processor's cache: a chain of one-operation kernels then costs what its
arithmetic costs, not what memory does. The pieces cannot change a bit, for no sum crosses them.
"""

from collections.abc import Callable, Iterator
from typing import Final

import torch
from torch import Tensor

from assay.workloads.numerics.primitives import is_recorded

# A quarter of a megabyte of float32: a handful of such pieces fit the second-level cache of processors since 2017.
PIECE: Final = 1 << 16


def pieces(count: int, width: int) -> Iterator[slice]:
    """Yield slices over `count` rows of `width` elements; a single one where pieces bring nothing or are recorded."""
    step = count if is_recorded() else max(1, PIECE // max(1, width))
    yield from (slice(at, min(at + step, count)) for at in range(0, count, max(1, step)))


def by_rows(function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """Return function(*tensors), of one shape and computed in pieces of rows; the function mixes nothing across rows.

    All tensors have the same leading axes; the result keeps them and may have another last axis.
    """
    first = tensors[0]
    if is_recorded() or first.numel() <= 2 * PIECE or first.dim() < 2:
        return function(*tensors)
    flat = [tensor.reshape(-1, tensor.shape[-1]) for tensor in tensors]
    parts = pieces(flat[0].shape[0], first.shape[-1])
    head = function(*(tensor[part] for tensor in flat)) if (part := next(parts)) else first
    out = torch.empty(flat[0].shape[0], *head.shape[1:], dtype=head.dtype, device=head.device)
    out[part] = head
    for part in parts:
        out[part] = function(*(tensor[part] for tensor in flat))
    return out.view(*first.shape[:-1], *head.shape[1:])


def flatwise(function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """Return function(*tensors) for tensors of one shape, element by element, computed in pieces."""
    first = tensors[0]
    if is_recorded() or first.numel() <= 2 * PIECE:
        return function(*tensors)
    flat = [tensor.reshape(-1) for tensor in tensors]
    out = torch.empty_like(flat[0])
    for part in pieces(out.numel(), 1):
        out[part] = function(*(tensor[part] for tensor in flat))
    return out.view(first.shape)
