"""Exponential, logarithm and what is made of them, from the primitives alone.

Cephes' expf and logf polynomials (Moshier 1989), with every product and sum a kernel of its own, so that nothing can
be contracted to a fused multiply-add. How near they are to float64 stands in the package's table.
"""

from typing import Final

import torch
from torch import Tensor

from assay.workloads.numerics.primitives import (
    BITS,
    choose,
    from_integer,
    is_below_zero,
    isub,
    largest,
    pow2,
    pow2_of,
    round_int,
    row_exponent,
    single,
)

LOG2_E: Final = single(1.44269504088896341)
# ln 2 in two parts: the first has so few bits that its product with k is exact.
LN2_HIGH, LN2_LOW = single(0.693359375), single(-2.12194440e-4)
EXP_TERMS: Final = tuple(
    map(single, (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1))
)
LOG_TERMS: Final = tuple(
    map(
        single,
        (
            7.0376836292e-2,
            -1.1514610310e-1,
            1.1676998740e-1,
            -1.2420140846e-1,
            1.4249322787e-1,
            -1.6668057665e-1,
            2.0000714765e-1,
            -2.4999993993e-1,
            3.3333331174e-1,
        ),
    )
)
EXP_MIN, EXP_MAX = -87.0, 88.0
ROOT_HALF: Final = single(0.70710678118654752)


def polynomial(x: Tensor, terms: tuple[float, ...]) -> Tensor:
    """Return the polynomial in x with these coefficients, the highest first (Horner)."""
    y = x * terms[0]
    y += terms[1]
    for term in terms[2:]:
        y *= x
        y += term
    return y


def exp_down(x: Tensor) -> Tensor:
    """Return e^x for x up to 88; below -87 it stays at e^-87."""
    x = largest(x, EXP_MIN)
    k = round_int(x * LOG2_E)
    r = x.sub_(k * LN2_HIGH).sub_(k * LN2_LOW)
    y = polynomial(r, EXP_TERMS)
    y *= r * r
    y += r
    y += 1.0
    y *= pow2_of(k)
    return y


def exp(x: Tensor) -> Tensor:
    """Return e^x; beyond [-87, 88] it stays as at the ends."""
    return exp_down(largest(-x, -EXP_MAX).neg_())


def log(x: Tensor) -> Tensor:
    """Return the natural logarithm of numbers between 2^-105 and 2^127."""
    e = isub(BITS, row_exponent(x.unsqueeze(-1)).squeeze(-1))
    half = pow2(isub(0, e))
    m = x * half
    is_low = m < ROOT_HALF
    k = from_integer(e)
    k = torch.where(is_low, k - 1.0, k)
    f = torch.where(is_low, m + m, m) - 1.0
    z = f * f
    y = polynomial(f, LOG_TERMS)
    y *= f
    y *= z
    y += k * LN2_LOW
    y -= z * 0.5
    return f + y + k * LN2_HIGH


def sigmoid(x: Tensor) -> Tensor:
    """Return 1 / (1 + e^-x); below -88 it stays as there."""
    return torch.ones((), device=x.device) / exp_down(largest(x, -EXP_MAX).neg_()).add_(1.0)


def tanh(x: Tensor) -> Tensor:
    """Return the hyperbolic tangent."""
    is_low = is_below_zero(x)
    small = exp_down(choose(is_low, x, -x).mul_(2.0))
    y = (1.0 - small) / (1.0 + small)
    return choose(is_low, -y, y)
