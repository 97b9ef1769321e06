"""Asking: which verifier is drawn for a question, and why none can be. Pure."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from blake3 import blake3

from assay.schema.audit import VerifierAnnounced
from assay.schema.job import JobSpec
from assay.schema.values import BOND_PER_VERIFIER, Digest, cost_of

ORDER = b"assay.audit.order.1"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A verifier as it announced itself, what stands behind it, and what it has in hand."""

    announced: VerifierAnnounced
    bond: int
    in_hand: int = 0
    rests_until_ms: int = 0

    @property
    def verifier(self) -> str:
        """Its id."""
        return self.announced.verifier


@dataclass(frozen=True, slots=True)
class Asked:
    """A verifier that was asked the question before, whatever became of it."""

    verifier: str
    network: str


@dataclass(frozen=True, slots=True)
class Want:
    """A question that lacks a verifier: the work, whose parties may not judge it, and who was asked already."""

    question_id: str
    seed: Digest
    spec: JobSpec
    parties: tuple[str, ...]
    asked: tuple[Asked, ...] = ()


def choose(want: Want, candidates: Sequence[Candidate], now_ms: int) -> Candidate | dict[str, int]:
    """The verifier that the seed draws, one of a network that was not asked yet if there is any; else the reasons."""
    reasons = {candidate.verifier: obstacle(want, candidate, now_ms) for candidate in candidates}
    free = [candidate for candidate in candidates if not reasons[candidate.verifier]]
    if not free:
        return dict(Counter(reason for reason in reasons.values() if reason)) or {"verifier.none": 1}
    networks = {asked.network for asked in want.asked}
    return min(free, key=lambda c: (c.announced.network in networks, rank(want, c.verifier)))


def obstacle(want: Want, candidate: Candidate, now_ms: int) -> str:
    """Why a verifier cannot be asked; empty if it can."""
    said, needs = candidate.announced, want.spec.requirements
    obstacles = {
        "verifier.expired": said.expires_ms <= now_ms,
        "verifier.unbonded": candidate.bond < BOND_PER_VERIFIER,
        "verifier.other_kind": want.spec.kind not in said.kinds,
        "verifier.small_memory": said.memory_bytes < needs.memory_bytes,
        "verifier.party": is_any_of(said.verifier, want.parties),
        "verifier.asked": any(asked.verifier == said.verifier for asked in want.asked),
        "verifier.resting": candidate.rests_until_ms > now_ms,
        "verifier.busy": candidate.in_hand >= said.slots,
    }
    return next((reason for reason, holds in obstacles.items() if holds), "")


def is_any_of(verifier: str, parties: Collection[str]) -> bool:
    """Whether the verifier's address is that of a party: ids of one address differ in their first letter alone."""
    return verifier[1:] in {party[1:] for party in parties}


def rank(want: Want, verifier: str) -> bytes:
    """A verifier's place in the order that the seed makes for a question; nobody can choose it."""
    return blake3(ORDER + bytes.fromhex(want.seed) + f"{want.question_id}/{verifier}".encode()).digest()


def fee_of(spec: JobSpec, mega_unit_price: int) -> int:
    """What an audit of one segment earns: the segment's own price, whatever the answer."""
    return cost_of(spec.segment_units, mega_unit_price)
