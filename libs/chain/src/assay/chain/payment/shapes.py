"""The structs of Payment and Challenges as tuples: from `assay.proof.settlement*`, and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from assay.chain.payment.values import Evidence
from assay.chain.words import normal
from assay.proof.settlement import Charge, Posted, Step
from assay.proof.settlement_epoch import Leaf, StepProof
from assay.proof.settlement_tree import EMPTY, ZERO, Branch, Node

STATE: Final = "(bytes32,uint128,uint128)"
EPOCH: Final = f"(uint64,uint64,address,uint32,bytes32,{STATE})"
NODE: Final = "(bytes32,uint256)"
BRANCH: Final = f"(uint256,{NODE}[])"
LEAF: Final = f"(address,uint128,uint128,{BRANCH})"
CHARGE: Final = "(bytes32,uint32,address,address,uint128,uint128,uint128,bytes32)"
STEP: Final = f"({CHARGE},{STATE})"
OPENING: Final = f"(uint32,{STEP},bytes32[])"
PROOF: Final = f"({OPENING},{OPENING},{EPOCH},{LEAF},{LEAF})"
EVIDENCE: Final = "(uint256,uint64,bytes32,bytes,bytes)"

LOW: Final = 2**128 - 1
NOBODY: Final = "0x" + "0" * 40
NO_EPOCH: Final = Posted(0, 0, NOBODY, 0, ZERO, EMPTY)
NO_CHARGE: Final = Charge(ZERO, 0, NOBODY, NOBODY, 0, 0, 0, ZERO)


@dataclass(frozen=True, slots=True)
class Opening:
    """A step and its place among the steps of its epoch."""

    index: int
    step: Step
    path: tuple[bytes, ...] = ()


NO_OPENING: Final = Opening(0, Step(NO_CHARGE, EMPTY))


class Proof(NamedTuple):
    """A step with what it follows on, and the leaves that it changes."""

    opening: Opening
    previous: Opening
    before: Posted
    requester: Leaf
    provider: Leaf


def proof_of(proof: StepProof, before: Posted) -> Proof:
    """The proof as the contract takes it; `before` is the epoch before, which counts for a first step."""
    previous = NO_OPENING
    if proof.previous is not None:
        previous = Opening(proof.index - 1, proof.previous, proof.previous_path)
    return Proof(Opening(proof.index, proof.step, proof.path), previous, before, proof.requester, proof.provider)


def epoch_fields(epoch: Posted) -> tuple[Any, ...]:
    """An epoch as a call takes it."""
    who = (epoch.number, epoch.posted_at, epoch.poster)
    return (*who, epoch.steps, epoch.steps_root, tuple(epoch.state))


def node_fields(node: Node) -> tuple[bytes, int]:
    """A node as a call takes it: both sums in one word."""
    return node.hash, node.credits << 128 | node.debits


def branch_fields(branch: Branch) -> tuple[Any, ...]:
    """A branch as a call takes it."""
    return branch.mask, [node_fields(node) for node in branch.siblings]


def leaf_fields(leaf: Leaf) -> tuple[Any, ...]:
    """A leaf as a call takes it."""
    return leaf.account, leaf.credit, leaf.debit, branch_fields(leaf.branch)


def opening_fields(opening: Opening) -> tuple[Any, ...]:
    """An opening as a call takes it."""
    return opening.index, (tuple(opening.step.charge), tuple(opening.step.state)), list(opening.path)


def proof_fields(proof: Proof) -> tuple[Any, ...]:
    """A proof as a call takes it."""
    openings = opening_fields(proof.opening), opening_fields(proof.previous)
    return (*openings, epoch_fields(proof.before), leaf_fields(proof.requester), leaf_fields(proof.provider))


def evidence_fields(evidence: Evidence) -> tuple[Any, ...]:
    """Evidence as a call takes it."""
    terms = (evidence.price_limit, evidence.deadline, evidence.spec_digest)
    return (*terms, evidence.order_signature, evidence.verdict_signature)


def epoch_from(fields: Sequence[Any]) -> Posted:
    """The epoch of a call."""
    number, posted_at, poster, steps, root, state = fields
    return Posted(number, posted_at, normal(poster), steps, root, Node(*state))


def node_from(fields: Sequence[Any]) -> Node:
    """The node of a call."""
    return Node(fields[0], fields[1] >> 128, fields[1] & LOW)


def branch_from(fields: Sequence[Any]) -> Branch:
    """The branch of a call."""
    return Branch(fields[0], tuple(map(node_from, fields[1])))


def leaf_from(fields: Sequence[Any]) -> Leaf:
    """The leaf of a call."""
    return Leaf(normal(fields[0]), fields[1], fields[2], branch_from(fields[3]))


def opening_from(fields: Sequence[Any]) -> Opening:
    """The opening of a call."""
    index, ((job, part, requester, provider, *rest), state), path = fields
    charge = Charge(job, part, normal(requester), normal(provider), *rest)
    return Opening(index, Step(charge, Node(*state)), tuple(path))


def proof_from(fields: Sequence[Any]) -> Proof:
    """The proof of a call."""
    opening, previous, before, requester, provider = fields
    leaves = leaf_from(requester), leaf_from(provider)
    return Proof(opening_from(opening), opening_from(previous), epoch_from(before), *leaves)
