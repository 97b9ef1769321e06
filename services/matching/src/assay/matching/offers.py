"""An offer as matching knows it, and what a rule says of it. Pure."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class ListedOffer:
    """A provider's standing offer with what is known of the provider, and how many of its slots are taken.

    `listed_ms` is when it was first listed at its price: time has priority among equals.
    """

    provider: str
    offer_id: str
    sequence: int
    kinds: frozenset[str]
    slots: int
    memory_bytes: int
    gpu: str | None
    units_per_s: int
    region: str
    mega_unit_price: int
    expires_ms: int
    reputation: int
    stake: int
    listed_ms: int
    taken: int = 0
    data: frozenset[str] = frozenset()
    spare: bool = False
    egress: bool = False
    input_bytes: int = 2**50

    @property
    def is_free(self) -> bool:
        """Whether a slot is left."""
        return self.taken < self.slots


class Opinion(NamedTuple):
    """What a rule says: a score in parts per million of the price's weight, negative for a veto, and the reason."""

    score: int
    reason: str


class Match(NamedTuple):
    """The offer that was chosen, its score, and what spoke for it."""

    offer: ListedOffer
    score: int
    reasons: tuple[str, ...]


def veto(reason: str) -> Opinion:
    """The opinion that keeps an offer out."""
    return Opinion(-1, reason)


PASS = Opinion(0, "")
