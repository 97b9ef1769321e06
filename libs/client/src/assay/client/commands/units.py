"""Parameters in words: amounts, shares and times as people write and read them; pure."""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final

from assay.chain.governed.parameters import Parameter, Unit
from assay.chain.governed.setting import Unsettable
from assay.chain.words import normal

SCALES: Final[Mapping[Unit, int]] = {
    Unit.NATIVE: 10**18,
    Unit.CREDITS: 10**6,
    Unit.PPM: 10**4,
    Unit.PERCENT: 1,
    Unit.SECONDS: 1,
}
DIGITS_MAX: Final = 80
SPANS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def write(unit: Unit, value: int) -> str:
    """A value of base units as people read it, exactly."""
    said = WRITERS.get(unit)
    return said(value) if said else f"{plain(value, SCALES[unit])} {unit.value}"


def plain(value: int, scale: int) -> str:
    """A number of base units as a decimal, without zeros at its end."""
    units, rest = divmod(value, scale)
    return f"{units}.{rest:0{len(str(scale)) - 1}d}".rstrip("0").rstrip(".") if rest else str(units)


def span(seconds: int) -> str:
    """A time in its largest whole unit."""
    whole = (letter for letter, size in SPANS.items() if seconds and seconds % size == 0)
    letter = next(whole, "s")
    return f"{seconds // SPANS[letter]} {letter}"


WRITERS: Final[Mapping[Unit, Callable[[int], str]]] = {
    Unit.ADDRESS: lambda value: normal(f"0x{value:040x}"),
    Unit.SECONDS: span,
    Unit.PERCENT: lambda value: f"{value} %",
    Unit.PPM: lambda value: f"{plain(value, 10**4)} %",
}


def bounds(parameter: Parameter) -> str:
    """A parameter's hard range in words; an office has none."""
    if parameter.unit is Unit.ADDRESS:
        return "any account"
    return f"{write(parameter.unit, parameter.least)} to {write(parameter.unit, parameter.most)}"


def read(parameter: Parameter, text: str) -> int:
    """The base units of what somebody wrote: 300 or 0.5 tokens, 12.5 %, 2d or 36h, an address. Raises Unsettable."""
    try:
        return READERS.get(parameter.unit, scaled)(parameter.unit, text.strip())
    except ValueError:
        raise Unsettable(f"{text!r} is no value of {parameter.name}, which is from {bounds(parameter)}.") from None


def scaled(unit: Unit, text: str) -> int:
    """A decimal in base units. Raises ValueError if it is finer than those."""
    return whole(text.rstrip("% "), SCALES[unit])


def whole(text: str, scale: int) -> int:
    """So many times a decimal, exactly. Raises ValueError for what is no whole number then, or no number."""
    try:
        said = Decimal(text)
    except InvalidOperation:
        raise ValueError(text) from None
    # An exponent of nine digits would be a number that fills the memory.
    if not said.is_finite() or abs(said.adjusted()) > DIGITS_MAX or len(said.as_tuple().digits) > DIGITS_MAX:
        raise ValueError(text)
    units = Fraction(said) * scale
    if units.denominator != 1:
        raise ValueError(text)
    return int(units)


def timed(unit: Unit, text: str) -> int:
    """Seconds, of a number that may say d, h, m or s."""
    size = SPANS.get(text[-1:], 0)
    return scaled(unit, text[:-1]) * size if size else scaled(unit, text)


READERS: Final[Mapping[Unit, Callable[[Unit, str], int]]] = {
    Unit.ADDRESS: lambda _, text: int(normal(text), 16),
    Unit.SECONDS: timed,
}
