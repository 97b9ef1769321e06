"""The door of StakeVault: stake behind claims of measured capacity."""

import asyncio
from dataclasses import dataclass

from assay.chain.governed.acts import Act, Node, approve, call, number, places


@dataclass(frozen=True, slots=True)
class Bond:
    """A provider's own stake in native units, what is locked of it, and the cost units a second that it claims."""

    active: int
    unbonding: int
    locked: int
    claim: int
    is_covered: bool

    @property
    def slashable(self) -> int:
        """What a slash reaches."""
        return self.active + self.unbonding


def stake_for(node: Node, provider: str, amount: int) -> tuple[Act, Act]:
    """Returns the acts that add native tokens of the sender to a provider's active stake."""
    vault = places(node).vault
    return approve(node, vault, amount), call(vault, "stakeFor(address,uint256)", provider, amount)


def claim(node: Node, units_per_s: int) -> Act:
    """Returns the act that says what capacity the sender's stake stands for."""
    return call(places(node).vault, "claim(uint64)", units_per_s)


def unstake(node: Node, amount: int) -> Act:
    """Returns the act that starts to unbond the sender's active stake, down to what its claim asks for."""
    return call(places(node).vault, "unstake(uint256)", amount)


def withdraw(node: Node) -> Act:
    """Returns the act that sends the sender all that has finished unbonding and is not locked."""
    return call(places(node).vault, "withdraw()")


def unlock(node: Node, lock_id: bytes) -> Act:
    """Returns the act that ends a lock which has run out."""
    return call(places(node).vault, "unlock(bytes32)", lock_id)


async def bond_of(node: Node, provider: str) -> Bond:
    """Returns what a provider has at stake and what it claims."""
    names = ("stakeOf", "unbondingOf", "lockedOf", "claimOf", "isCovered")
    vault = places(node).vault
    found = await asyncio.gather(*(number(node, vault, f"{name}(address)", provider) for name in names))
    active, unbonding, locked, claimed, is_covered = found
    return Bond(active, unbonding, locked, claimed, bool(is_covered))


async def minimum_for(node: Node, units_per_s: int) -> int:
    """Returns what a claim asks for, of own and delegated stake together, in native units."""
    return await number(node, places(node).vault, "minimumFor(uint64)", units_per_s)


async def delay_s(node: Node) -> int:
    """Returns how long stake takes to leave."""
    return await number(node, places(node).vault, "UNBONDING_DELAY()")
