"""What a provider's stake is worth against its pay: what a slash for a false result takes of it, in stable units."""

from typing import Final

from assay.proof.economics import MILLION, ceil_div
from assay.schema.epoch import StakeBehind

NATIVE_UNIT: Final = 10**18
PRICE_OF_STABLE: Final = 10**12
"""Prices are in 10^-18 dollars, and the stable token has six decimals."""
RETURNED_PPM: Final = 600_000
"""What may come back of own stake that is slashed, where accused, victim and accuser are one: refund and bounty."""


def native_of(loss: int, price: int) -> int:
    """A sum of stable base units in native ones, rounded down, at the price of a whole token in 10^-18 dollars."""
    return loss * PRICE_OF_STABLE * NATIVE_UNIT // price


def stable_of(native: int, price: int) -> int:
    """A sum of native base units in stable ones, rounded down, at the price of a whole token in 10^-18 dollars."""
    return native * price // (PRICE_OF_STABLE * NATIVE_UNIT)


def pledged(stake: StakeBehind) -> int:
    """What one more accusation of a false result would take, in native units, if all that are open take theirs first.

    As the contract Slashing has it: the accusation asks for the rate of all that is there when it is made, of own stake
    and backing in proportion, whatever others hold. Then it takes of own stake what they left, and of backing the rate
    of what they left at most. Only what they hold of own stake is known: of backing it is as large a part. Where there
    is none of its own nothing tells, and backing counts as none. It is never too much unless own stake has grown, or
    backing has left, since they were made.
    """
    return sum(_parts(stake))


def worth_of(stake: StakeBehind | None) -> int:
    """The stake of the cheat-profit bound, in base units of the stable token; none where nothing is known.

    What the slash of own stake could bring back to a cheat that is its own victim and accuser does not count.
    """
    if stake is None:
        return 0
    own, lent = _parts(stake)
    return stable_of(own - own * RETURNED_PPM // MILLION + lent, stake.price)


def _parts(stake: StakeBehind) -> tuple[int, int]:
    """What the accusation would take of own stake, and of backing."""
    whole = stake.own + stake.backing
    if not stake.own:
        return 0, 0
    asked = whole * stake.rate_ppm // MILLION
    lent = asked * stake.backing // whole
    locked = min(stake.locked, stake.own)
    left = stake.backing - ceil_div(locked * stake.backing, stake.own)
    return min(asked - lent, stake.own - locked), min(lent, left * stake.rate_ppm // MILLION)
