"""The same products on 8-bit integer units, for devices whose float64 is slow: Ozaki's slices in integers.

A 21-bit integer is cut in four signed digits of seven bits (Ootomo, Ozaki and Yokota 2024 do so on tensor cores), each
within +-64: beyond that `torch._int_mm` saturates on processors without VNNI. Sums of their products fit 32 bits, and
64 bits hold all of them shifted into place, so the result is that of `primitives.dot`, to the last bit.
"""

from typing import Final

import torch
from torch import Tensor

DIGIT_BITS: Final = 7
DIGITS: Final = 4
# 64 * 64 * 2^18 stays below 2^31.
TERMS_MAX: Final = 1 << 18


def digits(q: Tensor) -> list[Tensor]:
    """Return four int8 matrices in [-64, 63], the lowest first, whose sum in base 128 is q."""
    half, found, rest = 1 << DIGIT_BITS - 1, [], q.int()
    for _ in range(DIGITS):
        digit = ((rest + half) & (2 * half - 1)) - half
        found.append(digit.to(torch.int8))
        rest = (rest - digit) >> DIGIT_BITS
    return found


def sliced_dot(a: Tensor, b: Tensor) -> Tensor:
    """Return the exact sums of products of the rows of a [M, K] with those of b [N, K], as int64."""
    total = torch.zeros(a.shape[0], b.shape[0], dtype=torch.int64, device=a.device)
    for left, right in zip(a.split(TERMS_MAX, 1), b.split(TERMS_MAX, 1), strict=True):
        for i, high in enumerate(digits(left)):
            for j, low in enumerate(digits(right)):
                total += torch._int_mm(high, low.mT).long() << DIGIT_BITS * (i + j)
    return total
