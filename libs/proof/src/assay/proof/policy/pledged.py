"""What a provider's stake is worth against its pay: what a slash for a false result takes of it, in stable units."""

from typing import Final

from assay.proof.economics import MILLION, ceil_div
from assay.schema.epoch import StakeBehind

NATIVE_UNIT: Final = 10**18
PRICE_OF_STABLE: Final = 10**12
"""Prices are in 10^-18 dollars, and the stable token has six decimals."""


def native_of(loss: int, price: int) -> int:
    """A sum of stable base units in native ones, rounded down, at the price of a whole token in 10^-18 dollars."""
    return loss * PRICE_OF_STABLE * NATIVE_UNIT // price


def stable_of(native: int, price: int) -> int:
    """A sum of native base units in stable ones, rounded down, at the price of a whole token in 10^-18 dollars."""
    return native * price // (PRICE_OF_STABLE * NATIVE_UNIT)


def pledged(stake: StakeBehind) -> int:
    """What one more accusation of a false result would take, in native units, rounded down.

    An accusation takes of own stake and backing in proportion, but only the part of its own is locked: so what others
    hold of both is as much more. One that has nothing of its own and an open accusation has nothing left.
    """
    whole = stake.own + stake.backing
    if not stake.locked:
        return whole * stake.rate_ppm // MILLION
    held = ceil_div(stake.locked * whole, stake.own) if stake.own else whole
    return max(0, whole * stake.rate_ppm // MILLION - held)


def worth_of(stake: StakeBehind | None) -> int:
    """The stake of the cheat-profit bound, in base units of the stable token; none where nothing is known."""
    return stable_of(pledged(stake), stake.price) if stake else 0
