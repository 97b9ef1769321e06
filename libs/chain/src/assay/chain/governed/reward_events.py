"""What the contract of rewards says happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class PeriodPosted:
    """A period of rewards was posted."""

    number: int
    root: bytes
    network: int
    emission: int
    total: int
    inputs_digest: bytes


@dataclass(frozen=True, slots=True)
class PeriodVoided:
    """A period was voided within its window."""

    number: int


@dataclass(frozen=True, slots=True)
class RewardPaid:
    """A provider was paid for a period."""

    number: int
    provider: str
    amount: int


@dataclass(frozen=True, slots=True)
class RewardTermsSet:
    """A vote set what the next period emits, and the formula's terms."""

    emission: int
    target_ppm: int
    cap_ppm: int
    stake_per_mega_unit: int


@dataclass(frozen=True, slots=True)
class RewardRolesSet:
    """A vote set who posts periods, and who may void them."""

    poster: str
    guardian: str


REWARD_EVENTS: tuple[type[Any], ...] = (PeriodPosted, PeriodVoided, RewardPaid, RewardTermsSet, RewardRolesSet)
RewardEvent: TypeAlias = PeriodPosted | PeriodVoided | RewardPaid | RewardTermsSet | RewardRolesSet
