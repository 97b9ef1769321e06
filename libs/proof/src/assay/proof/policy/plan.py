"""What the policy answers: the tier, the draws, what they find, what stands at risk, the price, and the ways out."""

from dataclasses import dataclass, fields
from typing import Final

from assay.proof.economics import MILLION, ceil_div, found_among
from assay.proof.policy.tiers import Opens

SHARES_PPM: Final = (10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000)


@dataclass(frozen=True, slots=True)
class Cost:
    """What the proof costs, in parts per million of the epoch's compute, each rounded up."""

    audits: int
    challenged: int
    planted: int
    commitments: int
    slow: int
    reserve: int

    @property
    def total(self) -> int:
        """The cost share."""
        return sum(getattr(self, each.name) for each in fields(self))


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row of the table: a tier with its draws and its price; `against` says why it cannot be chosen, if so."""

    tier: str
    check: str
    k: int
    missed_ppm: int
    cost: Cost
    opens: Opens
    opened_bytes: int
    against: tuple[str, ...]
    deters: bool

    @property
    def is_admissible(self) -> bool:
        """Whether this work may be checked so, at whatever price."""
        return not self.against


@dataclass(frozen=True, slots=True)
class Remedy:
    """One way out where the chosen tier costs too much or deters too little: its name, a sentence, how much."""

    name: str
    sentence: str
    amount: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How one epoch is checked, and what that is worth.

    `detection` is the chance to be found at each falsified share, both in parts per million. `gain_bound` is the most
    that a cheat earns on average in base units, whatever it falsifies; `margin_bound` the same if it saved so many
    times as much as it does. Both must not be above zero.
    """

    chosen: Candidate
    segments: int
    detection: tuple[tuple[int, int], ...]
    pay: int
    stake: int
    gain_bound: int
    margin_bound: int
    budget_ppm: int
    remedies: tuple[Remedy, ...]
    candidates: tuple[Candidate, ...]

    @property
    def is_within_budget(self) -> bool:
        """Whether the proof costs no more than it may."""
        return self.chosen.cost.total <= self.budget_ppm

    @property
    def deters(self) -> bool:
        """Whether no cheat pays, with the margin."""
        return self.margin_bound <= 0

    @property
    def is_settled(self) -> bool:
        """Whether the epoch may close as it is."""
        return self.is_within_budget and self.deters

    @property
    def price(self) -> int:
        """The price of the proof in base units: its share of the pay, rounded up."""
        return ceil_div(self.pay * self.chosen.cost.total, MILLION)


def detection_table(segments: int, k: int, missed_ppm: int) -> tuple[tuple[int, int], ...]:
    """The chance to find a cheat at each share of SHARES_PPM, rounded down."""
    missed = missed_ppm / MILLION
    falses = [(share, max(1, ceil_div(segments * share, MILLION))) for share in SHARES_PPM]
    return tuple((share, int(found_among(segments, false, k, missed) * MILLION)) for share, false in falses)
