"""A counter-based generator of integers, and what is drawn from it: every element knows its number, so no order shows.

Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011). The normal
numbers are made from its integers by Giles' "Approximating the erfinv function" (2010), from the primitives alone.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from assay.workloads.numerics.elementary import log, polynomial
from assay.workloads.numerics.primitives import (
    WORD,
    from_integer,
    iadd,
    largest,
    mul_hi,
    mul_lo,
    root,
    shift_right,
    single,
    xor,
)

MULTIPLIERS: Final = (0xD2511F53, 0xCD9E8D57)
WEYL: Final = (0x9E3779B9, 0xBB67AE85)
ROUNDS: Final = 10
UNIT_BITS: Final = 24
CENTRE_TERMS: Final = (
    2.81022636e-08,
    3.43273939e-07,
    -3.5233877e-06,
    -4.39150654e-06,
    0.00021858087,
    -0.00125372503,
    -0.00417768164,
    0.246640727,
    1.50140941,
)
TAIL_TERMS: Final = (
    -0.000200214257,
    0.000100950558,
    0.00134934322,
    -0.00367342844,
    0.00573950773,
    -0.0076224613,
    0.00943887047,
    1.00167406,
    2.83297682,
)
ROOT_2: Final = single(1.4142135623730951)

Words = tuple[Tensor, Tensor, Tensor, Tensor]


def philox(counters: Words, key: tuple[int, int]) -> Words:
    """Return the four words of every counter of four words (int64 of 0 to 2^32 - 1) under a key of two."""
    a, b, c, d = counters
    for turn in range(ROUNDS):
        first, second = ((word + turn * weyl) & WORD for word, weyl in zip(key, WEYL, strict=True))
        low, high = MULTIPLIERS
        a, b, c, d = (
            xor(xor(mul_hi(c, high), b), first),
            mul_lo(c, high),
            xor(xor(mul_hi(a, low), d), second),
            mul_lo(a, low),
        )
    return a, b, c, d


@dataclass
class Generator:
    """A stream of draws under one seed. Each draw has a number; its elements are counted within it.

    A training step sets `draw` anew from its own number, so that it can be replayed alone.
    """

    seed: int
    draw: int = 0

    def words(self, count: int, device: torch.device | None = None) -> Tensor:
        """Return the next draw's first `count` integers of 32 bits, as int64."""
        blocks = torch.arange(-(-count // 4), device=device)
        low, high = (torch.full_like(blocks, half) for half in split(self.draw))
        zero = torch.zeros_like(blocks)
        self.draw += 1
        return torch.stack(philox((blocks, zero, low, high), split(self.seed)), 1).reshape(-1)[:count]

    def uniform(self, *shape: int, device: torch.device | None = None) -> Tensor:
        """Return the next draw as float32 in [0, 1), multiples of 2^-24."""
        integers = shift_right(self.words(torch.Size(shape).numel(), device), 32 - UNIT_BITS)
        return from_integer(integers, UNIT_BITS).view(shape)

    def normal(self, *shape: int, device: torch.device | None = None) -> Tensor:
        """Return the next draw as float32 of a standard normal distribution, at most 5.5 from its mean."""
        integers = shift_right(self.words(torch.Size(shape).numel(), device), 32 - UNIT_BITS)
        odd = iadd(iadd(integers, integers), 1 - (1 << UNIT_BITS))
        return inverse_erf(from_integer(odd, UNIT_BITS).view(shape)) * ROOT_2


def split(number: int) -> tuple[int, int]:
    """Return the lower and the upper word of a number below 2^64."""
    return number & WORD, number >> 32 & WORD


def inverse_erf(x: Tensor) -> Tensor:
    """Return the number whose error function is x, for |x| < 1."""
    w = -log((1.0 - x) * (1.0 + x))
    centre = polynomial(w - 2.5, tuple(map(single, CENTRE_TERMS)))
    tail = polynomial(root(largest(w, single(1e-30))) - 3.0, tuple(map(single, TAIL_TERMS)))
    return torch.where(w < 5.0, centre, tail) * x
