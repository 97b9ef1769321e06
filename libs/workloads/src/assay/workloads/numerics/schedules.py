"""Learning rates by step, as Python floats made from the four operations; the cosine is our own."""

from decimal import Decimal

from assay.workloads.numerics.rotary import DIGITS, ONE, first_rotation

HALF_PI = Decimal("1.57079632679489661923132169163975144209858469968755291048747")


def constant(rate: float, step: int, steps: int) -> float:
    """Return the rate, all the way the same."""
    return rate


def linear(rate: float, step: int, steps: int) -> float:
    """Return a rate that falls in a straight line to zero after `steps`."""
    return rate * (1 - step / steps)


def cosine(rate: float, step: int, steps: int) -> float:
    """Return a rate that falls along half a cosine to zero after `steps`."""
    # (1 + cos 2a) / 2 = cos(a)^2, with a of a quarter turn at most.
    c = quarter_cosine(step, steps) / ONE
    return rate * (c * c)


def quarter_cosine(step: int, steps: int) -> int:
    """Return the cosine of step / steps quarter turns in units of 2^-160."""
    if 2 * step > steps:
        return first_rotation(quarter(steps - step, steps))[1]
    return first_rotation(quarter(step, steps))[0]


def quarter(step: int, steps: int) -> Decimal:
    """Return step / steps quarter turns as an angle."""
    return DIGITS.divide(DIGITS.multiply(HALF_PI, Decimal(step)), Decimal(steps))


def warm(rate: float, step: int, warm_steps: int) -> float:
    """Return a rate that rises in a straight line to the given one over the first steps, and stays there."""
    return rate * ((step + 1) / warm_steps) if step < warm_steps else rate
