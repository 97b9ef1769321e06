"""The door of Slashing: accusations, appeals, what they end in, and who may accuse and rule."""

import asyncio
from collections.abc import Sequence

from assay.chain.governed.accusations import Accusation, encode_propose
from assay.chain.governed.acts import Act, Node, approve, call, number, places, words
from assay.chain.governed.purses import Loss, encode_share


def propose(node: Node, what: Accusation) -> Act:
    """Returns the act that accuses; for a proposer."""
    return Act(places(node).slashing, encode_propose(what))


def propose_ruled(node: Node, dispute: bytes, worker: str, challenger: str) -> Act:
    """Returns the act that accuses a worker whom the judge on chain ruled wrong; for anyone."""
    return call(places(node).slashing, "proposeRuled(bytes32,address,address)", dispute, worker, challenger)


def appeal(node: Node, id_: bytes, evidence: bytes, bond: int) -> tuple[Act, Act]:
    """Returns the acts that contest an accusation against the sender, with the bond that `shares` names."""
    slashing = places(node).slashing
    return approve(node, slashing, bond), call(slashing, "appeal(bytes32,bytes32)", id_, evidence)


def rule(node: Node, id_: bytes, is_upheld: bool, grounds: bytes) -> Act:
    """Returns the act that upholds or rejects an appeal; for an arbiter."""
    return call(places(node).slashing, "rule(bytes32,bool,bytes32)", id_, int(is_upheld), grounds)


def execute(node: Node, id_: bytes) -> Act:
    """Returns the act that slashes what was not appealed, or in vain; for anyone."""
    return call(places(node).slashing, "execute(bytes32)", id_)


def lapse(node: Node, id_: bytes) -> Act:
    """Returns the act that dismisses what was not ruled on or not executed in time; for anyone."""
    return call(places(node).slashing, "lapse(bytes32)", id_)


def refund(node: Node, id_: bytes) -> Act:
    """Returns the act that sends a victim what it is still due, as far as the pool has it; for anyone."""
    return call(places(node).slashing, "refund(bytes32)", id_)


def share(node: Node, id_: bytes, losses: Sequence[Loss]) -> Act:
    """Returns the act that shares a refund among several victims, by rising address; for anyone."""
    return Act(places(node).purses, encode_share(id_, losses))


def fund_bounties(node: Node, amount: int) -> tuple[Act, Act]:
    """Returns the acts that add native tokens of the sender to the fund of bounties."""
    slashing = places(node).slashing
    return approve(node, slashing, amount), call(slashing, "fundBounties(uint256)", amount)


async def appeal_bond(node: Node) -> int:
    """Returns what an appeal costs if it is rejected, in native units."""
    return (await words(node, places(node).slashing, "sharesNow()"))[1]


async def offices_of(node: Node, account: str) -> tuple[bool, bool]:
    """Returns whether an account may accuse, and whether it may rule."""
    at = places(node).slashing
    found = await asyncio.gather(
        *(number(node, at, f"{name}(address)", account) for name in ("isProposer", "isArbiter"))
    )
    return bool(found[0]), bool(found[1])
