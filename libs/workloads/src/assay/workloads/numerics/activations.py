"""Activations, forward and backward: SiLU, GELU and the functions they are made of.

GELU's erf is formula 7.1.26 of Abramowitz and Stegun (1964): its error is below 1.5e-7, as float32's own.
"""

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor
from torch.autograd import Function

from assay.workloads.numerics.chunks import flatwise
from assay.workloads.numerics.elementary import exp, exp_down, log, polynomial, sigmoid, tanh
from assay.workloads.numerics.primitives import choose, is_below_zero, root, single

ROOT_2_OVER_PI: Final = single(0.79788456080286536)
CUBE: Final = single(0.044715)
CUBE_3: Final = single(0.134145)
DENSITY: Final = single(0.39894228040143268)
# 0.3275911 / sqrt(2): the formula's p, for arguments not yet divided by sqrt(2).
ERF_STEP: Final = single(0.231641888)
ERF_TERMS: Final = tuple(map(single, (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)))


def silu_forward(x: Tensor) -> Tensor:
    """Return x / (1 + e^-x)."""
    return sigmoid(x).mul_(x)


def silu_backward(g: Tensor, x: Tensor) -> Tensor:
    """Return g * s * (1 + x * (1 - s)), s the sigmoid."""
    s = sigmoid(x)
    slope = (1.0 - s).mul_(x).add_(1.0)
    return slope.mul_(s).mul_(g)


def inner(x: Tensor) -> Tensor:
    """Return the tanh of GELU's inner polynomial."""
    return tanh((x * x).mul_(x).mul_(CUBE).add_(x).mul_(ROOT_2_OVER_PI))


def gelu_tanh_forward(x: Tensor) -> Tensor:
    """Return GELU in its form with tanh."""
    return inner(x).add_(1.0).mul_(x * 0.5)


def gelu_tanh_backward(g: Tensor, x: Tensor) -> Tensor:
    """Return g times the slope of GELU with tanh."""
    t = inner(x)
    bend = (1.0 - t * t).mul_(x * 0.5)
    bend *= (x * x).mul_(CUBE_3).add_(1.0).mul_(ROOT_2_OVER_PI)
    return t.add_(1.0).mul_(0.5).add_(bend).mul_(g)


def bell(x: Tensor) -> Tensor:
    """Return e^(-x^2 / 2)."""
    return exp_down((x * x).mul_(-0.5))


def normal_share(x: Tensor, density: Tensor) -> Tensor:
    """Return the share of a normal distribution below x, given its `bell`."""
    is_low = is_below_zero(x)
    t = torch.ones((), device=x.device) / (choose(is_low, -x, x) * ERF_STEP).add_(1.0)
    tail = polynomial(t, ERF_TERMS).mul_(t).mul_(density).mul_(0.5)
    return choose(is_low, tail, 1.0 - tail)


def gelu_forward(x: Tensor) -> Tensor:
    """Return x times the share of a normal distribution below x."""
    return normal_share(x, bell(x)).mul_(x)


def gelu_backward(g: Tensor, x: Tensor) -> Tensor:
    """Return g times the slope of GELU."""
    density = bell(x)
    return normal_share(x, density).add_((density * DENSITY).mul_(x)).mul_(g)


def sigmoid_backward(g: Tensor, x: Tensor) -> Tensor:
    """Return g * s * (1 - s)."""
    s = sigmoid(x)
    return (1.0 - s).mul_(s).mul_(g)


def tanh_backward(g: Tensor, x: Tensor) -> Tensor:
    """Return g * (1 - t^2)."""
    t = tanh(x)
    return (1.0 - t * t).mul_(g)


FORMS: Final[dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]]] = {
    "silu": (silu_forward, silu_backward),
    "gelu": (gelu_forward, gelu_backward),
    "gelu_tanh": (gelu_tanh_forward, gelu_tanh_backward),
    "sigmoid": (sigmoid, sigmoid_backward),
    "tanh": (tanh, tanh_backward),
    "exp": (exp, lambda g, x: exp(x).mul_(g)),
    "log": (log, lambda g, x: g / x),
    "sqrt": (root, lambda g, x: g / root(x).mul_(2.0)),
}


class Activation(Function):
    """An activation by its name in FORMS."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, name: str) -> Tensor:
        """Return the activation of x."""
        ctx.save_for_backward(x)
        ctx.name = name
        return flatwise(FORMS[name][0], x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of x."""
        (x,) = ctx.saved_tensors
        return flatwise(FORMS[ctx.name][1], gradients[0], x), None


def activate(x: Tensor, name: str) -> Tensor:
    """Return the function of this name in FORMS of every element."""
    y: Tensor = Activation.apply(x, name)  # type: ignore[no-untyped-call]
    return y


def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """Return x times the share of a normal distribution below x; `approximate` may be "tanh"."""
    return activate(x, "gelu_tanh" if approximate == "tanh" else "gelu")
