"""The closed table of primitives: every exact operator is a list of these, and a dispute ends in one element of one.

The four operations, comparison and selection are torch's own, one kernel each: they are rounded once, to nearest
even, with subnormals, on every IEEE-754 machine, and apart they cannot be contracted to a fused multiply-add. The
others stand here. A `row` is the last axis; a constant is a float32 value. No primitive promises anything of NaN.
"""

import struct
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, Protocol

import torch
from torch import Tensor

TABLE: Final = {
    "add": "f32 a + b",
    "sub": "f32 a - b",
    "mul": "f32 a * b",
    "div": "f32 a / b",
    "sqrt": "f32 square root",
    "neg": "f32 -a",
    "max": "the larger of two f32; +0 if it is a zero",
    "row_max": "the largest of a row: a fold of max",
    "compare": "a < b, a <= b, a > b, a >= b, a == b or a != b, as static `relation` says",
    "select": "a where the condition holds, else b",
    "round_int": "f32 -> the nearest integer, half to even, as f32",
    "pow2": "integer -126 <= k <= 127 -> 2^k as f32",
    "row_exponent": "s = 21 - clamp(e, -105, 128), with 2^(e-1) <= max|x| < 2^e over the row",
    "quantise": "q = rint_half_even(x * 2^s), an integer, |q| <= 2^21",
    "dot": "the exact integer sum of qa[m, k] * qb[n, k] over k",
    "descale": "integer n, integer t -> the f32 nearest to n * 2^-t, half to even",
    "sum_at": "the exact integer sum of the rows q[i] with index[i] = v, for each v",
    "iadd": "integers a + b (32 bits, wrapping, for the generator)",
    "isub": "integers a - b",
    "mul_hi": "the upper 32 bits of the product of two 32-bit integers",
    "mul_lo": "the lower 32 bits of it",
    "xor": "bitwise exclusive or of 32-bit integers",
    "shift_right": "a 32-bit integer shifted right by the static `places`",
    "gather": "moves elements: out[j] = in[index[j]] over all inputs end to end, zero where index[j] is -1",
}
BITS: Final = 21
# The longest sum of products of two 22-bit integers (sign and 21 bits) that stays within the 53 bits of a float64.
TERMS_MAX: Final = 1 << (53 - 2 * BITS)
EXPONENT_MIN, EXPONENT_MAX = -105, 128
WORD: Final = 0xFFFFFFFF


class Recorder(Protocol):
    """Hears of every primitive that is applied."""

    def apply(self, name: str, function: Callable[..., Tensor], args: tuple[Any, ...]) -> Tensor:
        """Return the function's result, having recorded it as one primitive."""


_recorders: list[Recorder] = []


def is_recorded() -> bool:
    """Whether someone hears of primitives now: then operators apply them one by one, as the table says."""
    return bool(_recorders)


def begin_recording(recorder: Recorder) -> None:
    """Let this recorder hear of every primitive from now on."""
    _recorders.append(recorder)


def end_recording() -> None:
    """Let the last recorder hear no more."""
    _recorders.pop()


def primitive(name: str) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Return what makes a function the primitive of this name."""
    assert name in TABLE

    def wrap(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        @wraps(function)
        def apply(*args: Any) -> Tensor:
            return _recorders[-1].apply(name, function, args) if _recorders else function(*args)

        return apply

    return wrap


def exponent_of(x: Tensor, dim: int = -1) -> Tensor:
    """Return e (int32, `dim` kept) with max|x| < 2^e along `dim`, from the bits alone."""
    return exponent_above(top_of(x, dim))


def top_of(x: Tensor, dim: int = -1) -> Tensor:
    """Return max|x| along `dim`, which is kept."""
    return x.abs().amax(dim, keepdim=True)


def exponent_above(top: Tensor) -> Tensor:
    """Return e (int32) with top < 2^e, from the bits alone."""
    return (top.view(torch.int32) >> 23).sub_(126).clamp_(EXPONENT_MIN, EXPONENT_MAX)


def power(k: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return 2^k in this dtype, for k in its range of normal numbers; from 128 on infinity in float32."""
    if dtype == torch.float64:
        return ((k.long() + 1023) << 52).view(torch.float64)
    return ((k.int() + 127) << 23).view(torch.float32)


@primitive("row_exponent")
def row_exponent(x: Tensor) -> Tensor:
    """Return the exponent s of every row (int32, shape [..., 1])."""
    return BITS - exponent_of(x)


@primitive("quantise")
def quantise(x: Tensor, s: Tensor) -> Tensor:
    """Return rint(x * 2^s) as int32."""
    return (x.double() * power(s, torch.float64)).round_().int()


@primitive("dot")
def dot(a: Tensor, b: Tensor) -> Tensor:
    """Return the sums of products of the rows of a [..., M, K] with those of b [..., N, K], as int64."""
    pairs = zip(a.double().split(TERMS_MAX, -1), b.double().split(TERMS_MAX, -1), strict=True)
    parts = [torch.matmul(left, right.mT).long() for left, right in pairs]
    while len(parts) > 1:
        parts.append(parts.pop() + parts.pop())
    return parts[0]


@primitive("descale")
def descale(n: Tensor, t: Tensor) -> Tensor:
    """Return n * 2^-t rounded once; n is an integer of up to 63 bits, and -900 < t < 900."""
    n = n.long()
    # Beyond 53 bits the lowest 11 become one sticky bit, far below the 24 that stay: the rounding is the same.
    sticky = ((n >> 11) << 1) | ((n & 2047) != 0).long()
    is_long = (n >> 53) != (n >> 63)
    value = torch.where(is_long, sticky.double() * 1024.0, n.double())
    return (value * power(-t, torch.float64)).float()


@primitive("sum_at")
def sum_at(index: Tensor, q: Tensor, count: int) -> Tensor:
    """Return for each of `count` places the sum of the rows of q [N, D] whose index is that place, as int64."""
    return torch.zeros(count, q.shape[1], dtype=torch.int64, device=q.device).index_add_(0, index, q.long())


@primitive("row_max")
def row_max(x: Tensor) -> Tensor:
    """Return the largest of every row [..., 1]."""
    return x.amax(-1, keepdim=True) + 0.0


@primitive("max")
def largest(x: Tensor, bound: float) -> Tensor:
    """Return the larger of x and a bound other than zero; a zero loses its sign where that is recorded."""
    kept = x.clamp_min(bound)
    return kept.add_(0.0) if is_recorded() else kept


@primitive("sqrt")
def root(x: Tensor) -> Tensor:
    """Return the square roots, rounded once.

    Torch's own are wrong in the last bit for 0.6 % of numbers where MKL computes them (19 % in its compatible mode).
    The root of a float32 is at least four units of float64 away from the middle between two neighbours, so that such
    an error is rounded away here.
    """
    return torch.sqrt(x.double()).float()


@primitive("round_int")
def round_int(x: Tensor) -> Tensor:
    """Return the nearest integers."""
    return torch.round(x)


@primitive("pow2")
def pow2(k: Tensor) -> Tensor:
    """Return 2^k for integers k (int32)."""
    return power(k)


@primitive("iadd")
def iadd(a: Tensor, b: Tensor | int) -> Tensor:
    """Return a + b."""
    return a + b


@primitive("isub")
def isub(a: Tensor | int, b: Tensor) -> Tensor:
    """Return a - b."""
    return a - b


@primitive("mul_hi")
def mul_hi(a: Tensor, b: int) -> Tensor:
    """Return the upper word of a * b; words are int64 of 0 to 2^32 - 1."""
    low, high = a & 0xFFFF, a >> 16
    return (high * b + (low * b >> 16)) >> 16


@primitive("mul_lo")
def mul_lo(a: Tensor, b: int) -> Tensor:
    """Return the lower word of a * b."""
    return ((a & 0xFFFF) * b + (((a >> 16) * b & 0xFFFF) << 16)) & WORD


@primitive("xor")
def xor(a: Tensor, b: Tensor | int) -> Tensor:
    """Return a ^ b."""
    return a ^ b


@primitive("shift_right")
def shift_right(a: Tensor, places: int) -> Tensor:
    """Return a >> places."""
    return a >> places


def mask_of(condition: Tensor) -> Tensor:
    """Return a condition as `choose` takes it: as bits, for a kernel that branches takes up to thirty times as long."""
    return condition if is_recorded() else condition.int().neg_()


def is_below_zero(x: Tensor) -> Tensor:
    """Return where x < 0, as `choose` takes it."""
    return x < 0 if is_recorded() else (x + 0.0).view(torch.int32).bitwise_right_shift_(31)


def choose(mask: Tensor, a: Tensor, b: Tensor | float) -> Tensor:
    """Return a where the mask says so, else b."""
    if is_recorded():
        return torch.where(mask, a, b)
    other = b.view(torch.int32) if isinstance(b, Tensor) else struct.unpack("<i", struct.pack("<f", b))[0]
    return (a.view(torch.int32) ^ other).bitwise_and_(mask).bitwise_xor_(other).view(torch.float32)


def single(value: float) -> float:
    """Return the float32 nearest to a constant: it is rounded here, once, and is the same on every machine."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def divide(x: Tensor, by: float) -> Tensor:
    """Return x / by; a tensor divides, since devices may multiply by the reciprocal of a plain number."""
    return x / torch.full((), by, dtype=torch.float32, device=x.device)


def from_integer(n: Tensor, places: int = 0) -> Tensor:
    """Return n * 2^-places for integers of up to 24 bits: they are widened by a product with one, then rounded."""
    if not is_recorded():
        return n.float() * 2.0**-places
    wide = dot(n.reshape(-1, 1).int(), torch.ones(1, 1, dtype=torch.int32, device=n.device))
    return descale(wide, torch.full((1, 1), places, dtype=torch.int32, device=n.device)).view(n.shape)


def pow2_of(k: Tensor) -> Tensor:
    """Return 2^k for integers k given as float32."""
    return pow2(quantise(k, torch.zeros((), dtype=torch.int32, device=k.device))) if is_recorded() else power(k)
