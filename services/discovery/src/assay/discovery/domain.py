"""What admits an offer, what a provider's record is worth, and when its silence means anything. Pure."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from assay.proof.presented import Trusted
from assay.schema.offer import Offer
from assay.schema.values import STAKE_PER_SLOT

PPM: Final = 1_000_000
GIB: Final = 2**30

# Memory up to this much is in the price of a slot; a claim beyond it is what false claims are made of.
SLOT_MEMORY_BYTES: Final = 64 * GIB
STAKE_PER_EXTRA_GIB: Final = 10**18

# A newcomer is worth half, as if it had been seen ten times with even luck; one proven lie weighs as much as twenty
# good leases.
REPUTATION_NEWCOMER: Final = 500_000
PRIOR_LEASES: Final = 10
REJECTED_WEIGHT: Final = 20

# The gateway's pulse comes each second; three missed ones mean that nothing heard or unheard proves anything.
PULSE_GAP_MS: Final = 3_000
# When so many providers are silent at once, and more than half of all, it is the path that failed.
BULK_MIN: Final = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a provider: its stake on chain, and how its leases were judged."""

    stake: int = 0
    verified: int = 0
    rejected: int = 0

    @property
    def reputation(self) -> int:
        """The share of its leases that stood, in parts per million, starting at the newcomer's value."""
        good = PRIOR_LEASES * REPUTATION_NEWCOMER + self.verified * PPM
        return good // (PRIOR_LEASES + self.verified + REJECTED_WEIGHT * self.rejected)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator lists: these kinds of work, or every kind if none is named; how long silence is borne; and what
    reports of machines it trusts.
    """

    kinds: frozenset[str] = frozenset()
    silent_ms: int = 30_000
    trusted: Trusted = field(default_factory=Trusted)


@dataclass(frozen=True, slots=True)
class Objection:
    """Why an offer is not listed."""

    code: str
    reason: str


def required_stake(offer: Offer) -> int:
    """The stake that covers an offer's claim: so much a slot, and more for much memory."""
    extra_bytes = max(0, offer.capacity.memory_bytes - SLOT_MEMORY_BYTES)
    extra_gib = -(-extra_bytes // GIB)
    return offer.capacity.slots * (STAKE_PER_SLOT + extra_gib * STAKE_PER_EXTRA_GIB)


class Pulse:
    """How long the path from the participants to here has been proven alive without a gap."""

    def __init__(self) -> None:
        self.since_ms: int | None = None
        self.last_ms = 0

    def beat(self, now_ms: int) -> None:
        """Takes note of the gateway's pulse."""
        if not self.is_alive(now_ms):
            self.since_ms = now_ms
        self.last_ms = max(self.last_ms, now_ms)

    def is_alive(self, now_ms: int) -> bool:
        """Whether the path is proven at this moment."""
        return self.since_ms is not None and now_ms - self.last_ms <= PULSE_GAP_MS

    def silent_since(self, now_ms: int, silent_ms: int) -> int | None:
        """The time before which a last sign of life means silence; None while silence proves nothing."""
        if self.since_ms is None or not self.is_alive(now_ms) or now_ms - self.since_ms < silent_ms:
            return None
        return now_ms - silent_ms


def is_bulk(silent: int, listed: int) -> bool:
    """Whether so many are silent at once that the path must have failed, not they."""
    return silent >= BULK_MIN and 2 * silent > listed


def is_newer(sequence: int, known: int | None) -> bool:
    """Whether an announcement replaces what is known of its provider's offer."""
    return known is None or sequence > known


def names(items: Collection[str]) -> str:
    """The items in order, as a sentence lists them."""
    return ", ".join(sorted(items))
