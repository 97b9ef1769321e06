"""IEEE 754 binary32 in integers: round to nearest, ties to even, with subnormals, signed zeros and infinities.

Every operation is total. Values are their 32 bits as an unsigned number; an operation unpacks exact integers, works on
them exactly (what would not fit is one sticky bit), and rounds once in `pack`. There is one NaN, `NAN`: whatever comes
out as no number is it. The contract `SoftFloat.sol` follows the same lines.
"""

from math import isqrt
from typing import Final

SIGN: Final = 0x80000000
INFINITY: Final = 0x7F800000
NAN: Final = 0x7FC00000
HIDDEN: Final = 0x00800000
FRACTION: Final = HIDDEN - 1
LOWEST: Final = -149
"""The exponent of the last bit of a subnormal."""
FAR: Final = 64
"""A term that lies so many bits below another one adds nothing; so many bits make a quotient or a root exact enough."""


def is_nan(bits: int) -> bool:
    """Whether the value is none."""
    return bits & ~SIGN > INFINITY


def is_infinite(bits: int) -> bool:
    """Whether the value is an infinity."""
    return bits & ~SIGN == INFINITY


def unpack(bits: int) -> tuple[int, int]:
    """A finite value as (integer, exponent) with value = integer * 2**exponent; the integer carries the sign."""
    field, fraction = bits >> 23 & 0xFF, bits & FRACTION
    whole = fraction | HIDDEN if field else fraction
    return (-whole if bits & SIGN else whole), max(field, 1) + LOWEST - 1


def pack(sign: int, whole: int, exponent: int) -> int:
    """The value nearest to whole * 2**exponent, `whole` not negative, under the sign bit `sign`."""
    last = max(exponent + whole.bit_length() - 24, LOWEST)
    rounded = shift_even(whole, last - exponent)
    if rounded < HIDDEN:
        return sign | rounded
    return sign | min(((last - LOWEST) << 23) + rounded, INFINITY)


def shift_even(whole: int, places: int) -> int:
    """whole / 2**places, rounded to the nearest integer, ties to even."""
    if places <= 0:
        return whole << -places
    kept, rest, half = whole >> places, whole & (1 << places) - 1, 1 << places - 1
    return kept + (rest > half or (rest == half and kept & 1))


def add(a: int, b: int) -> int:
    """a + b."""
    if is_nan(a) or is_nan(b) or (is_infinite(a) and is_infinite(b) and a != b):
        return NAN
    if is_infinite(a) or is_infinite(b):
        return a if is_infinite(a) else b
    (x, p), (y, q) = unpack(a), unpack(b)
    if x == 0 and y == 0:
        return a & b
    if x == 0 or y == 0:
        return a if y == 0 else b
    if abs(p - q) > FAR:
        return a if p > q else b
    if p < q:
        x, p, y, q = y, q, x, p
    total = (x << p - q) + y
    return pack(SIGN if total < 0 else 0, abs(total), q)


def negate(a: int) -> int:
    """-a."""
    return NAN if is_nan(a) else a ^ SIGN


def subtract(a: int, b: int) -> int:
    """a - b."""
    return add(a, negate(b))


def multiply(a: int, b: int) -> int:
    """a * b."""
    sign = (a ^ b) & SIGN
    if is_nan(a) or is_nan(b):
        return NAN
    if is_infinite(a) or is_infinite(b):
        return NAN if not a & ~SIGN or not b & ~SIGN else sign | INFINITY
    (x, p), (y, q) = unpack(a), unpack(b)
    return pack(sign, abs(x * y), p + q)


def divide(a: int, b: int) -> int:
    """a / b."""
    sign = (a ^ b) & SIGN
    if is_nan(a) or is_nan(b) or (is_infinite(a) and is_infinite(b)) or not (a | b) & ~SIGN:
        return NAN
    if is_infinite(a) or not b & ~SIGN:
        return sign | INFINITY
    if is_infinite(b) or not a & ~SIGN:
        return sign
    (x, p), (y, q) = unpack(a), unpack(b)
    whole, rest = divmod(abs(x) << FAR, abs(y))
    return pack(sign, whole << 1 | (rest > 0), p - q - FAR - 1)


def root(a: int) -> int:
    """The square root of a."""
    if is_nan(a) or not a & ~SIGN:
        return NAN if is_nan(a) else a
    if a & SIGN:
        return NAN
    if is_infinite(a):
        return a
    x, p = unpack(a)
    square = x << FAR + p % 2
    whole = isqrt(square)
    return pack(0, whole << 1 | (whole * whole != square), (p - p % 2 - FAR) // 2 - 1)


def greater(a: int, b: int) -> int:
    """The greater of a and b, +0 if that is a zero; no number if either is none."""
    if is_nan(a) or is_nan(b):
        return NAN
    largest = a if order(a) >= order(b) else b
    return largest if largest & ~SIGN else 0


def is_less(a: int, b: int) -> bool:
    """Whether a < b; -0 equals +0; nothing is less than no number."""
    return not is_nan(a) and not is_nan(b) and bool((a | b) & ~SIGN) and order(a) < order(b)


def is_equal(a: int, b: int) -> bool:
    """Whether a == b; -0 equals +0; no number equals nothing."""
    return not is_nan(a) and not is_nan(b) and (a == b or not (a | b) & ~SIGN)


def order(bits: int) -> int:
    """A number by which values other than NaN sort."""
    return ~(bits & ~SIGN) if bits & SIGN else bits
