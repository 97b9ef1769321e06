"""Matrices in fixed point, and their products: rows of 21-bit integers with a power of two each, summed exactly.

A float64 holds every sum of up to 2048 products of such integers without rounding, so no order of summation, kernel,
thread count or instruction set can show; longer sums are added as 64-bit integers. Only the end is rounded, once. The
idea is the error-free splitting of Ozaki et al. (2012) with one slice.

A tensor is fixed once, by rows, and serves three products. Where the sum runs over its rows, the rows' powers of two
move into the other factor before that is fixed, which is exact. Here a fixed row carries its power of two within: then
a product needs no pass of scaling afterwards, and it is the same number.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from assay.workloads.numerics.chunks import pieces
from assay.workloads.numerics.primitives import (
    BITS,
    EXPONENT_MAX,
    EXPONENT_MIN,
    TERMS_MAX,
    descale,
    dot,
    exponent_above,
    iadd,
    is_recorded,
    isub,
    pow2,
    power,
    quantise,
    row_exponent,
    top_of,
)

# Of a float32's bits: its exponent, the exponent's unit, and the least and the largest that a row's top counts for.
EXPONENT_BITS, EXPONENT_UNIT = 0x7F800000, 1 << 23
TOP_MIN, TOP_MAX = (EXPONENT_MIN + 126) << 23, (EXPONENT_MAX + 126) << 23
# A row's power of two s moves to the other factor as 2^(SHIFT - s), a normal float32 for every s there is.
SHIFT = BITS - 1


class Fixed(NamedTuple):
    """A matrix [..., M, K] in fixed point: its values as float64, or as integers where primitives are recorded."""

    values: Tensor
    s: Tensor


def fix(x: Tensor) -> Fixed:
    """Return a float32 tensor of two or three axes in fixed point, each row with a power of two of its own."""
    if is_recorded():
        s = row_exponent(x)
        return Fixed(quantise(x, s), s)
    rows = x.reshape(-1, x.shape[-1])
    values = torch.empty(rows.shape, dtype=torch.float64, device=x.device)
    top = torch.empty(len(rows), 1, device=x.device)
    for part in pieces(*rows.shape):
        own = rows[part]
        top[part] = highest = top_of(own)
        shift = magic(highest)
        values[part] = (own + shift).sub_(shift)
    return Fixed(values.view(x.shape), (BITS - exponent_above(top)).view(*x.shape[:-1], 1))


def magic(top: Tensor) -> Tensor:
    """Return 1.5 * 2^(e + 2), where top < 2^e: what is added to it is rounded to multiples of 2^(e - 21), half to even.

    In fewer operators than by `exponent_above`: they are small, and take as long as the large ones beside them.
    """
    bits = top.view(torch.int32) & EXPONENT_BITS
    return bits.clamp_(TOP_MIN, TOP_MAX).add_(EXPONENT_UNIT).view(torch.float32).mul_(6.0)


_fixed: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


def fix_once(x: Tensor) -> Fixed:
    """Return `fix(x)`, computed once for as long as the tensor lives and is not written to.

    A weight is fixed once a step, or once for all if it is frozen. Writes through `.data` are not seen.
    """
    if is_recorded():
        return fix(x)
    mark: Any = (x._version, x.data_ptr(), x.shape)
    held = _fixed.get(x)
    if held is None or held[0] != mark:
        _fixed[x] = held = (mark, fix(x.detach()))
    fixed: Fixed = held[1]
    return fixed


def product_nt(a: Fixed, b: Fixed) -> Tensor:
    """Return a @ b^T [..., M, N]: the sum runs along the rows of both."""
    if is_recorded():
        return descale(dot(a.values, b.values), iadd(a.s, b.s.mT))
    return multiply(a.values, b.values.mT, lambda: a.s + b.s.mT)


def product_nn(g: Tensor, b: Fixed) -> Tensor:
    """Return g @ b [..., M, K] for float32 g [..., M, N]: the sum runs over the rows of b."""
    factors = pow2(isub(SHIFT, b.s)).mT
    if is_recorded():
        scaled = g * factors
        s = row_exponent(scaled)
        return descale(dot(quantise(scaled, s), b.values.mT.contiguous()), iadd(s, SHIFT))
    values, s = fix_along_rows(g, factors, power(b.s.mT - SHIFT, torch.float64))
    return multiply(values, b.values, lambda: s + SHIFT)


def product_tn(g: Tensor, x: Fixed) -> Tensor:
    """Return g^T @ x [..., N, K] for float32 g [..., M, N]: the sum runs over the rows of both."""
    factors = pow2(isub(SHIFT, x.s))
    if is_recorded():
        scaled = (g * factors).mT.contiguous()
        s = row_exponent(scaled)
        return descale(dot(quantise(scaled, s), x.values.mT.contiguous()), iadd(s, SHIFT))
    values, s = fix_along_columns(g, factors, power(x.s - SHIFT, torch.float64))
    return multiply(values.mT, x.values, lambda: s.mT + SHIFT)


def fix_along_rows(g: Tensor, factors: Tensor, inverse: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of g [..., M, N] fixed with factors [..., 1, N] in, then taken out; and the rows' s."""
    shape, g = g.shape, flat(g)
    factors, inverse = flat(factors), flat(inverse)
    values = torch.empty(g.shape, dtype=torch.float64, device=g.device)
    top = torch.empty(*g.shape[:-1], 1, device=g.device)
    for at in tiles(g.shape):
        scaled = g[at] * factors[at[0]]
        top[at] = highest = top_of(scaled)
        shift = magic(highest)
        values[at].copy_(scaled.add_(shift).sub_(shift)).mul_(inverse[at[0]])
    return values.view(shape), (BITS - exponent_above(top)).view(*shape[:-1], 1)


def fix_along_columns(g: Tensor, factors: Tensor, inverse: Tensor) -> tuple[Tensor, Tensor]:
    """Return the columns of g [..., M, N] fixed with factors [..., M, 1] in, then taken out; and the columns' s."""
    shape, g = g.shape, flat(g)
    factors, inverse = flat(factors), flat(inverse)
    values = torch.empty(g.shape, dtype=torch.float64, device=g.device)
    top = torch.zeros(len(g), 1, g.shape[2], device=g.device)
    for at in tiles(g.shape):
        torch.maximum(top[at[0]], top_of(g[at] * factors[at], -2), out=top[at[0]])
    shift = magic(top)
    for at in tiles(g.shape):
        values[at].copy_((g[at] * factors[at]).add_(shift[at[0]]).sub_(shift[at[0]])).mul_(inverse[at])
    return values.view(shape), (BITS - exponent_above(top)).view(*shape[:-2], 1, -1)


def flat(x: Tensor) -> Tensor:
    """Return x [..., M, N] as [B, M, N]."""
    return x.reshape(-1, *x.shape[-2:])


def tiles(shape: torch.Size) -> Iterator[tuple[slice, slice]]:
    """Yield pieces of [B, M, N]: some matrices whole, or some rows of one."""
    for matrices in pieces(shape[0], shape[1] * shape[2]):
        for rows in pieces(shape[1], (matrices.stop - matrices.start) * shape[2]):
            yield matrices, rows


def multiply(a: Tensor, b: Tensor, exponents: Callable[[], Tensor]) -> Tensor:
    """Return a @ b rounded once to float32; every sum in it is exact. `exponents` gives t, results being n * 2^-t."""
    if a.shape[-1] <= TERMS_MAX:
        return torch.matmul(a, b).float()
    t = exponents()
    unit, total = power(t, torch.float64), None
    for left, right in zip(a.split(TERMS_MAX, -1), b.split(TERMS_MAX, -2), strict=True):
        part = torch.matmul(left, right).mul_(unit).long()
        total = part if total is None else total.add_(part)
    assert total is not None
    return descale(total, t)
