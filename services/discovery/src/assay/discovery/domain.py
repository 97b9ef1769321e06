"""What admits an offer, what a provider's record is worth, and when its silence means anything. Pure."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from assay.proof.presented import Trusted
from assay.proof.reputation import reputation_of
from assay.schema.values import Capacity

DAY_MS: Final = 86_400_000
DAY_S: Final = 86_400

# The gateway's pulse comes each second; three missed ones mean that nothing heard or unheard proves anything.
PULSE_GAP_MS: Final = 3_000
# When so many providers are silent at once, and more than half of all, it is the path that failed.
BULK_MIN: Final = 3


@dataclass(frozen=True, slots=True)
class Output:
    """What was verified of a provider's work: in one day so far, and in the day before it, in cost units."""

    day: int = 0
    units: int = 0
    before: int = 0

    def on(self, day: int, units: int = 0) -> "Output":
        """The same with so much more on a day; what comes late counts for the latest day that is known."""
        if day <= self.day:
            return Output(self.day, self.units + units, self.before)
        return Output(day, units, self.units if day == self.day + 1 else 0)

    def units_per_s(self, now_ms: int) -> int:
        """The mean speed of the last day that is over now."""
        return self.on(now_ms // DAY_MS).before // DAY_S


@dataclass(frozen=True, slots=True)
class Shown:
    """What challenges have shown of a machine: the cost units a second of all its slots, and at which block."""

    units_per_s: int
    block: int


def shown_after(before: Shown | None, found: int, busy: int, slots: int) -> int:
    """What a machine has shown once its idle slots have shown so much, in cost units a second.

    Its busy ones keep what they had shown: a unit each, if nothing was asked of them before. They add nothing to what
    was known, since idle children have the whole machine.
    """
    known = before.units_per_s if before else slots
    return max(found, min(known, found + known * min(busy, slots) // slots))


def within(capacity: Capacity, shown: Shown | None) -> Capacity:
    """What is listed of a capacity: no more slots, and no faster ones, than were shown; no speed before that."""
    if shown is None:
        return capacity.model_copy(update={"units_per_s": 0})
    slots = max(1, min(capacity.slots, shown.units_per_s))
    return capacity.model_copy(
        update={"slots": slots, "units_per_s": min(capacity.units_per_s, shown.units_per_s // slots)}
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a provider: what stands behind it on chain, how its leases were judged, and how fast they were.

    `claim` is what its stake stands for, in cost units a second, and `needed` what of its own that asks for. `busy` is
    how many leases it had in hand when it was challenged last.
    """

    stake: int = 0
    backing: int = 0
    claim: int = 0
    needed: int = 0
    verified: int = 0
    rejected: int = 0
    dropped: int = 0
    output: Output = Output()
    shown: Shown | None = None
    busy: int = 0

    @property
    def whole(self) -> int:
        """All that answers for it, own and lent."""
        return self.stake + self.backing

    @property
    def is_covered(self) -> bool:
        """Whether it claims something, and its own stake is what that asks for."""
        return self.claim > 0 and self.stake >= self.needed > 0

    @property
    def reputation(self) -> int:
        """The share of its leases that stood, in parts per million, starting at the newcomer's value."""
        return reputation_of(self.verified, self.rejected, self.dropped)


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
