"""The door of Treasury and its oracle: credits of a dollar, the breaker of minting, the price and how fresh it is."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from assay.chain.errors import Reverted
from assay.chain.governed.acts import Act, Node, approve, call, number, places, words
from assay.schema.errors import BadSettings


class Minting(StrEnum):
    """What the breaker lets through; redeeming it never stops."""

    OPEN = "open"
    SLOWED = "slowed"
    NO_PRICE = "no_price"
    UNCOVERED = "uncovered"


@dataclass(frozen=True, slots=True)
class Rules:
    """How credits are made and where fees go; shares are millionths, the day's cap is in credits of 6 decimals."""

    spread_ppm: int
    warn_ppm: int
    halt_ppm: int
    burn_ppm: int
    bounty_ppm: int
    day_cap: int


@dataclass(frozen=True, slots=True)
class Feed:
    """One source: its answer in units of its own decimals, and when it was given; None if it gives none."""

    place: str
    answer: int | None
    updated_at: int


@dataclass(frozen=True, slots=True)
class Price:
    """What a native token is worth, in 10^-18 dollars: now and over time, None where the oracle has none; its feeds."""

    spot: int | None
    mean: int | None
    stale_s: int
    feeds: tuple[Feed, ...]


@dataclass(frozen=True, slots=True)
class Breaker:
    """Where the treasury stands; `cover_ppm` is None while nothing was made, or there is no price."""

    minting: Minting
    cover_ppm: int | None
    locked: int
    credits: int
    last_price: int
    rules: Rules


def mint(node: Node, native: int, least_credits: int) -> tuple[Act, Act]:
    """Returns the acts that lock native tokens of the sender for credits, no fewer than so many."""
    at = priced(node)
    return approve(node, at, native), call(at, "mint(uint256,uint256)", native, least_credits)


def redeem(node: Node, credits_: int, least_native: int) -> Act:
    """Returns the act that burns credits of the sender for native tokens, no fewer than so many."""
    return call(priced(node), "redeem(uint256,uint256)", credits_, least_native)


def note_price(node: Node) -> Act:
    """Returns the act by which the oracle notes its price, from which the mean is made; for anyone."""
    priced(node)
    return call(places(node).oracle, "poke()")


def priced(node: Node) -> str:
    """Returns where the treasury stands. Raises BadSettings if there is none."""
    if not places(node).treasury:
        raise BadSettings(
            "There is no treasury here: it needs feeds of a price, named when the contracts are deployed."
        )
    return places(node).treasury


async def breaker(node: Node) -> Breaker:
    """Returns where the treasury stands."""
    at = priced(node)
    (cover, is_healthy), rules, locked, last_price, credits_ = await asyncio.gather(
        words(node, at, "cover()"),
        words(node, at, "termsNow()"),
        number(node, at, "locked()"),
        number(node, at, "lastPrice()"),
        number(node, places(node).credit, "totalSupply()"),
    )
    terms = Rules(*rules)
    cover_ppm = cover if is_healthy and credits_ else None
    return Breaker(minting_of(bool(is_healthy), cover_ppm, terms), cover_ppm, locked, credits_, last_price, terms)


def minting_of(is_healthy: bool, cover_ppm: int | None, rules: Rules) -> Minting:
    """Returns what the breaker lets through; without credits everything is covered."""
    if not is_healthy:
        return Minting.NO_PRICE
    if cover_ppm is None or cover_ppm >= rules.warn_ppm:
        return Minting.OPEN
    return Minting.SLOWED if cover_ppm >= rules.halt_ppm else Minting.UNCOVERED


async def price(node: Node) -> Price:
    """Returns the oracle's price and what its feeds say."""
    priced(node)
    at = places(node).oracle
    (spot, is_now), (mean, is_mean), stale_s, feeds = await asyncio.gather(
        words(node, at, "spot()"),
        words(node, at, "meanPrice()"),
        number(node, at, "STALE_S()"),
        asyncio.gather(*(feed(node, place) for place in places(node).feeds)),
    )
    return Price(spot if is_now else None, mean if is_mean else None, stale_s, tuple(feeds))


async def feed(node: Node, place: str) -> Feed:
    """Returns what a source says."""
    try:
        found = await words(node, place, "latestRoundData()")
    except Reverted:
        found = []
    return Feed(place, found[1], found[3]) if len(found) == 5 else Feed(place, None, 0)
