"""The door of Governance and its timelock: proposals, votes, and what was decided while it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from eth_abi.abi import encode

from assay.chain.governed.acts import Act, Node, call, number, places, words
from assay.chain.governed.refusals import Declined, VoteState
from assay.chain.words import checksum, selector
from assay.proof.keccak import keccak256

if TYPE_CHECKING:
    from assay.chain.governed.events import ProposalCreated

LISTS: Final = ("address[]", "uint256[]", "bytes[]")


class Side(IntEnum):
    """How one can vote."""

    AGAINST = 0
    FOR = 1
    ABSTAIN = 2


@dataclass(frozen=True, slots=True)
class Motion:
    """A proposal as it was made: what it would do, why, and from when until when it is voted on."""

    id: int
    proposer: str
    acts: tuple[Act, ...]
    why: str
    begins_at: int
    ends_at: int


@dataclass(frozen=True, slots=True)
class Count:
    """How a motion stands: votes in native units; `ready_at` is when what it decided can be executed, 0 before that."""

    state: VoteState
    votes: dict[Side, int]
    quorum: int | None
    ready_at: int


@dataclass(frozen=True, slots=True)
class Rules:
    """How votes are held: times in seconds, the threshold in native units."""

    delay_s: int
    period_s: int
    threshold: int
    quorum_percent: int
    wait_s: int


@dataclass(frozen=True, slots=True)
class Voter:
    """An account's votes now, and to whom its tokens' votes go (nobody: they count for nothing)."""

    votes: int
    delegate: str


def delegate(node: Node, to: str) -> Act:
    """Returns the act that has the sender's tokens vote through an account, its own too."""
    return call(node.deployment.native, "delegate(address)", to)


def propose(node: Node, acts: Sequence[Act], why: str) -> Act:
    """Returns the act that puts these acts to the vote."""
    packed = encode([*LISTS, "string"], [*lists(acts), why])
    return Act(places(node).governance, selector("propose(address[],uint256[],bytes[],string)") + packed)


def vote(node: Node, motion_id: int, side: Side, reason: str = "") -> Act:
    """Returns the act that votes with all of the sender's votes."""
    packed = encode(["uint256", "uint8", "string"], [motion_id, side, reason])
    return Act(places(node).governance, selector("castVoteWithReason(uint256,uint8,string)") + packed)


def queue(node: Node, motion: Motion) -> Act:
    """Returns the act that puts what was decided into the timelock."""
    return carried(node, "queue", motion)


def execute(node: Node, motion: Motion) -> Act:
    """Returns the act that does what has waited in the timelock."""
    return carried(node, "execute", motion)


def cancel(node: Node, motion: Motion) -> Act:
    """Returns the act that takes a proposal back: its proposer's alone, until voting begins."""
    return carried(node, "cancel", motion)


def carried(node: Node, verb: str, motion: Motion) -> Act:
    """Returns the act that takes a motion one step on."""
    packed = encode([*LISTS, "bytes32"], [*lists(motion.acts), keccak256(motion.why.encode())])
    return Act(places(node).governance, selector(f"{verb}(address[],uint256[],bytes[],bytes32)") + packed)


def lists(acts: Sequence[Act]) -> tuple[list[str], list[int], list[bytes]]:
    """Returns acts as the contract takes them: whom, with how much coin, and what."""
    return [act.to for act in acts], [act.value for act in acts], [act.data for act in acts]


def motion_id(acts: Sequence[Act], why: str) -> int:
    """Returns what the contract knows these acts by, for this reason: the same are proposed once."""
    packed = encode([*LISTS, "bytes32"], [*lists(acts), keccak256(why.encode())])
    return int.from_bytes(keccak256(packed), "big")


async def motions(node: Node) -> list[Motion]:
    """Returns all proposals, the oldest first."""
    # Some fifty classes, which few who open this door read.
    from assay.chain.governed.events import ProposalCreated
    from assay.chain.governed.logs import events_of

    at = places(node)
    said = await events_of(node, ("Governance",), at.deployed_block, (await node.block()).number, (ProposalCreated,))
    return [motion_of(logged.event) for logged in said if isinstance(logged.event, ProposalCreated)]


def motion_of(said: ProposalCreated) -> Motion:
    """Returns the proposal that an event tells of."""
    acts = tuple(map(Act, said.targets, said.calldatas, said.values))
    return Motion(said.proposal_id, said.proposer, acts, said.description, said.vote_start, said.vote_end)


async def count(node: Node, motion: Motion) -> Count:
    """Returns how a proposal stands; its quorum is known from when voting begins."""
    at = places(node).governance
    state, votes, ready_at = await asyncio.gather(
        number(node, at, "state(uint256)", motion.id),
        words(node, at, "proposalVotes(uint256)", motion.id),
        number(node, at, "proposalEta(uint256)", motion.id),
    )
    try:
        quorum = await number(node, at, "quorum(uint256)", motion.begins_at)
    except Declined:
        quorum = None
    return Count(VoteState(state), dict(zip(Side, votes, strict=True)), quorum, ready_at)


async def voter(node: Node, account: str) -> Voter:
    """Returns an account's votes now."""
    native = node.deployment.native
    votes, to = await asyncio.gather(
        number(node, native, "getVotes(address)", account), number(node, native, "delegates(address)", account)
    )
    return Voter(votes, checksum(to.to_bytes(20, "big")))


async def rules(node: Node) -> Rules:
    """Returns how votes are held."""
    at = places(node)
    names = ("votingDelay", "votingPeriod", "proposalThreshold", "quorumNumerator")
    found = await asyncio.gather(
        *(number(node, at.governance, f"{name}()") for name in names), number(node, at.timelock, "getMinDelay()")
    )
    return Rules(*found)
