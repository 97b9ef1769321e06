"""Between floats and integers, and sums of products; words are unsigned, and read in two's complement where said."""

from collections.abc import Sequence
from typing import Final

from assay.proof.court.softfloat import NAN, SIGN, is_infinite, is_nan, pack, shift_even, unpack

WORD: Final = 0xFFFFFFFF
LONG: Final = 0xFFFFFFFFFFFFFFFF
BITS: Final = 21
QUANTUM_MAX: Final = 1 << BITS
"""The largest magnitude of a quantised element."""
EXPONENT_MIN, EXPONENT_MAX = -105, 128
FAR: Final = 64
BEYOND: Final = 1 << 20
"""An exponent above every other, for what is infinite or none."""


def signed(word: int, bits: int = 32) -> int:
    """The number that a word means in two's complement."""
    return word - (1 << bits) if word >> bits - 1 else word


def size_of(x: int) -> tuple[int, int]:
    """|x| as (integer, exponent); what is infinite or no number lies beyond every bound."""
    return (1, BEYOND) if is_nan(x) or is_infinite(x) else unpack(x & ~SIGN)


def quantise(x: int, places: int) -> int:
    """The word of rint(x * 2**places), ties to even, held within QUANTUM_MAX either way."""
    whole, exponent = size_of(x)
    shift = exponent + signed(places)
    size = QUANTUM_MAX if whole and shift > BITS else min(shift_even(whole, min(-shift, FAR)), QUANTUM_MAX)
    return (-size if x & SIGN else size) & WORD


def round_int(x: int) -> int:
    """The float of the integer nearest to x, ties to even, with the sign of x."""
    if is_nan(x):
        return NAN
    whole, exponent = size_of(x)
    return x if exponent >= 0 else pack(x & SIGN, shift_even(whole, min(-exponent, FAR)), 0)


def row_exponent(row: Sequence[int]) -> int:
    """The word of s = 21 - e, e within its bounds and the least with |x| < 2**e for all of the row."""
    whole, exponent = size_of(max(x & ~SIGN for x in row))
    return BITS - max(EXPONENT_MIN, min(EXPONENT_MAX, whole.bit_length() + exponent)) & WORD


def dot(left: Sequence[int], right: Sequence[int]) -> int:
    """The 64-bit word of the exact sum of products of signed words."""
    return sum(signed(a) * signed(b) for a, b in zip(left, right, strict=True)) & LONG


def total(words: Sequence[int]) -> int:
    """The 64-bit word of the exact sum of signed words."""
    return sum(map(signed, words)) & LONG


def descale(whole: int, places: int) -> int:
    """The float nearest to n * 2**-t, n a signed 64-bit word and t a signed word."""
    number = signed(whole, 64)
    return pack(SIGN if number < 0 else 0, abs(number), -signed(places))


def power(word: int) -> int:
    """The float nearest to 2**k for a signed word k."""
    return pack(0, 1, signed(word))
