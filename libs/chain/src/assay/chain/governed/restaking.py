"""The door of Restaking: stake that delegators lend, as shares of a pool for each provider."""

import asyncio
from dataclasses import dataclass

from assay.chain.governed.acts import Act, Node, approve, call, number, places


@dataclass(frozen=True, slots=True)
class Backing:
    """What backs a provider, what a slash reaches of it, and one delegator's part: shares, and what they are worth."""

    active: int
    slashable: int
    shares: int
    worth: int


def allocate(node: Node, provider: str, amount: int) -> tuple[Act, Act]:
    """Returns the acts that back a provider with native tokens of the sender."""
    restaking = places(node).restaking
    return approve(node, restaking, amount), call(restaking, "allocate(address,uint256)", provider, amount)


def deallocate(node: Node, provider: str, shares: int) -> Act:
    """Returns the act that starts to take back so many of the sender's shares."""
    return call(places(node).restaking, "deallocate(address,uint256)", provider, shares)


def withdraw(node: Node, provider: str) -> Act:
    """Returns the act that sends the sender all of its backing that has finished leaving."""
    return call(places(node).restaking, "withdraw(address)", provider)


async def backing_of(node: Node, provider: str, delegator: str) -> Backing:
    """Returns what backs a provider, and a delegator's part of it."""
    at = places(node).restaking
    active, slashable, shares = await asyncio.gather(
        number(node, at, "backingOf(address)", provider),
        number(node, at, "slashableOf(address)", provider),
        number(node, at, "sharesOf(address,address)", provider, delegator),
    )
    return Backing(active, slashable, shares, await number(node, at, "worthOf(address,uint256)", provider, shares))


async def delay_s(node: Node) -> int:
    """Returns how long backing takes to leave."""
    return await number(node, places(node).restaking, "DELAY()")
