"""Rotary position embedding from tables that no library's sine has touched.

The frequencies base^(-2i/d) come from Python's `decimal`, whose arithmetic is software and correctly rounded; the first
rotation of each is a Taylor series in 160-bit integers, and every further one a multiplication by the first, in the
same integers. The tables are rounded once at the end, and so are the same on every machine.
"""

from decimal import Context, Decimal
from functools import lru_cache
from typing import Final

import numpy as np
import torch
from torch import Tensor

BITS: Final = 160
ONE: Final = 1 << BITS
DIGITS: Final = Context(prec=60)


def first_rotation(frequency: Decimal) -> tuple[int, int]:
    """Return cosine and sine of an angle of 0 to 1, in units of 2^-160."""
    angle = int(DIGITS.multiply(frequency, Decimal(ONE)).to_integral_value())
    cosine, sine, term, n = 0, 0, ONE, 0
    while term:
        sign = -1 if n % 4 > 1 else 1
        cosine, sine = (cosine + sign * term, sine) if n % 2 == 0 else (cosine, sine + sign * term)
        n += 1
        term = (term * angle >> BITS) // n
    return cosine, sine


def rotations(frequency: Decimal, count: int) -> list[tuple[float, float]]:
    """Return cosine and sine of 0, 1, ... count - 1 times the frequency."""
    c1, s1 = first_rotation(frequency)
    c, s, found = ONE, 0, []
    for _ in range(count):
        found.append((c / ONE, s / ONE))
        c, s = (c * c1 - s * s1) >> BITS, (s * c1 + c * s1) >> BITS
    return found


@lru_cache(maxsize=8)
def table(base: float, width: int, count: int) -> tuple[Tensor, Tensor]:
    """Return cosines and sines [count, width / 2] of positions 0 to count - 1, float32."""
    exponent = DIGITS.divide(DIGITS.ln(Decimal(base)), Decimal(width))
    frequencies = [DIGITS.exp(DIGITS.multiply(exponent, Decimal(-2 * i))) for i in range(width // 2)]
    values = np.array([rotations(frequency, count) for frequency in frequencies]).transpose(2, 1, 0)
    cosines, sines = torch.from_numpy(np.ascontiguousarray(values)).float()
    return cosines, sines


def rotary_table(positions: Tensor, base: float, width: int) -> tuple[Tensor, Tensor]:
    """Return cosines and sines [..., width] for integer positions [...], both halves alike as Llama has them."""
    count = 1 << max(int(positions.max()), 63).bit_length()
    cosines, sines = (each.to(positions.device)[positions] for each in table(base, width, count))
    return torch.cat([cosines, cosines], -1), torch.cat([sines, sines], -1)
