"""Where rewards stand, as settlement and the command line ask for it."""

from __future__ import annotations

from dataclasses import dataclass

from assay.proof.rewards import Terms


@dataclass(frozen=True, slots=True)
class Head:
    """Where rewards stand: the last period, what the next emits at most, what is owed and held, the terms and roles.

    The last period can be claimed, and the next be posted, from `claimable_from` on; 0 where none was posted.
    """

    posted: int
    emission: int
    reserved: int
    held: int
    start: int
    period_s: int
    poster: str
    guardian: str
    claimable_from: int
    terms: Terms

    @property
    def next_at(self) -> int:
        """When the next period is over."""
        return self.start + (self.posted + 1) * self.period_s

    @property
    def ready_at(self) -> int:
        """When the next period can be posted."""
        return max(self.next_at, self.claimable_from)

    @property
    def emitted(self) -> int:
        """What the next period emits at most: as much as was said, and is there."""
        return min(self.emission, self.held - self.reserved)
