"""Asking: which verifier is drawn for a question, and why none can be. Pure.

Who is asked first follows from the epoch's seed alone, so that anybody can repeat it. Who is asked after that follows
from a secret, too: the first must not see whether a friend is asked next. Neither a stated class nor a stated network
decides who is drawn, for both can be made up: a class is preferred for half of the questions and where it is at least
a third of all, a network between the two best places.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from blake3 import blake3

from assay.proof.policy import TIERS
from assay.schema.audit import VerifierAnnounced
from assay.schema.job import JobSpec
from assay.schema.values import BOND_PER_VERIFIER, Digest
from assay.verification.domain.classes import is_same_class

ORDER, CLASS = b"assay.audit.order.2", b"assay.audit.class.1"
CLASS_OWNERS_MIN = next(tier.owners_min for tier in TIERS if tier.name == "class_replay")
CLASS_SHARE = 3
"""A class is preferred if it has at least one of so many verifiers."""
NEAR = 2
"""Among so many of the best places one on a network that was not asked yet comes first."""
WILLING = ("", "verifier.asked", "verifier.busy", "verifier.resting")
"""What may be in the way of a verifier that counts as an owner of its class still."""


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
    """A verifier that was asked the question before; `in_vain` if it said nothing and nobody told it anything since."""

    verifier: str
    network: str
    in_vain: bool = False


@dataclass(frozen=True, slots=True)
class Want:
    """A question that lacks a verifier: the work, whose parties may not judge it, and who was asked already.

    `secret` is the service's own, `machine` the class that the provider states for itself, `neighbours` those who were
    asked about the segment before or after: the claim is the state that one of the two begins with. `in_class` says
    that only bits of the claim's class can settle it.
    """

    question_id: str
    seed: Digest
    secret: bytes
    spec: JobSpec
    parties: tuple[str, ...]
    asked: tuple[Asked, ...] = ()
    machine: Digest | None = None
    neighbours: frozenset[str] = frozenset()
    in_class: bool = False


def choose(want: Want, candidates: Sequence[Candidate], now_ms: int) -> Candidate | dict[str, int]:
    """The verifier that is drawn: by the seed, and once somebody was asked by the secret, too; else the reasons."""
    reasons = {candidate.verifier: obstacle(want, candidate, now_ms) for candidate in candidates}
    free = [candidate for candidate in candidates if not reasons[candidate.verifier]]
    if not free:
        return dict(Counter(reason for reason in reasons.values() if reason)) or {"verifier.none": 1}
    least = min(resort(want, candidate.verifier) for candidate in free)
    free = [candidate for candidate in free if resort(want, candidate.verifier) == least]
    fellows = preferred(want, [candidate for candidate in candidates if reasons[candidate.verifier] in WILLING])
    best = sorted(free, key=lambda c: (c.verifier not in fellows, rank(want, c.verifier)))[:NEAR]
    networks = {asked.network for asked in want.asked}
    return min(best, key=lambda c: (c.verifier not in fellows, c.announced.network in networks))


def willing(want: Want, candidates: Sequence[Candidate], now_ms: int) -> list[Candidate]:
    """The verifiers that could be asked, now or once they have time."""
    return [candidate for candidate in candidates if obstacle(want, candidate, now_ms) in WILLING]


def resort(want: Want, verifier: str) -> int:
    """Whether a verifier is asked only where nobody else is free (1), or nobody but such: that beats waiting.

    Of those who were asked before who was so less often comes first: else two could be asked in turn for ever, and the
    others never.
    """
    times = sum(asked.verifier == verifier for asked in want.asked)
    return 1 + times if times else int(verifier in want.neighbours)


def preferred(want: Want, willing: Sequence[Candidate]) -> set[str]:
    """The verifiers of the claim's class, if this question is one of those that are asked of it first.

    That takes owners enough for equal bits to be asked (class replay). The other half of the questions is asked of
    all alike, so that nobody can choose the judges of its work by stating what only its friends state. What is near the
    claim to all, and only its class refuses, is settled by the class alone.
    """
    fellows = {candidate.verifier for candidate in willing if is_fellow(want, candidate)}
    is_large = len(fellows) >= max(CLASS_OWNERS_MIN, -(-len(willing) // CLASS_SHARE))
    return fellows if want.in_class or (is_large and is_for_class(want)) else set()


def is_for_class(want: Want) -> bool:
    """Whether the seed has a question asked of the claim's class first: every other one, from its first draw on."""
    return blake3(CLASS + bytes.fromhex(want.seed) + want.question_id.encode()).digest(1)[0] % 2 == 0


def is_fellow(want: Want, candidate: Candidate) -> bool:
    """Whether a verifier is of the class that the claim was made in."""
    return is_same_class(want.machine, candidate.announced.machine)


def obstacle(want: Want, candidate: Candidate, now_ms: int) -> str:
    """Why a verifier cannot be asked; empty if it can."""
    said, needs = candidate.announced, want.spec.requirements
    obstacles = {
        "verifier.expired": said.expires_ms <= now_ms,
        "verifier.unbonded": candidate.bond < BOND_PER_VERIFIER,
        "verifier.other_kind": want.spec.kind not in said.kinds,
        "verifier.no_egress": want.spec.reaches and not said.egress,
        "verifier.small_memory": said.memory_bytes < needs.memory_bytes,
        "verifier.large_inputs": said.input_bytes < needs.input_bytes,
        "verifier.party": is_any_of(said.verifier, want.parties),
        "verifier.asked": any(asked.verifier == said.verifier and not asked.in_vain for asked in want.asked),
        "verifier.resting": candidate.rests_until_ms > now_ms,
        "verifier.busy": candidate.in_hand >= said.slots,
    }
    return next((reason for reason, holds in obstacles.items() if holds), "")


def is_any_of(verifier: str, parties: Collection[str]) -> bool:
    """Whether the verifier's address is that of a party: ids of one address differ in their first letter alone."""
    return verifier[1:] in {party[1:] for party in parties}


def rank(want: Want, verifier: str) -> bytes:
    """A verifier's place in the order for a question, which nobody can choose; nor foresee, once somebody was asked."""
    content = ORDER + bytes.fromhex(want.seed) + f"{want.question_id}/{verifier}".encode()
    return (blake3(content, key=want.secret) if want.asked else blake3(content)).digest()
