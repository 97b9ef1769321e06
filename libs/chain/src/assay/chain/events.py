"""What the contracts say happened: one frozen class per event, with the fields of the contract's event in its order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from assay.chain.governed.purses import Shared
from assay.chain.governed.reward_events import REWARD_EVENTS, RewardEvent
from assay.chain.governed.stake_events import STAKE_EVENTS_OF, StakeEvent
from assay.chain.payment.events import CHALLENGES_EVENTS, PAYMENT_EVENTS, PaymentEvent


@dataclass(frozen=True, slots=True)
class Anchored:
    """The root of a provider's epoch stands on chain for good."""

    provider: str
    number: int
    root: bytes
    units: int


@dataclass(frozen=True, slots=True)
class AnchorRefused:
    """The root of an epoch was not anchored; `reason` is an `AnchorRefusal`."""

    provider: str
    number: int
    root: bytes
    reason: int


@dataclass(frozen=True, slots=True)
class Compensated:
    """The insurance pool paid somebody for what a job cost them."""

    to: str
    amount: int
    job_id: bytes


@dataclass(frozen=True, slots=True)
class Ruled:
    """The judge compared both parties' element at `place` with the true one; `ruling` is a `Ruling`."""

    dispute: bytes
    worker: str
    challenger: str
    ruling: int
    place: int
    truth: int


POOL_EVENTS = (Compensated,)
ANCHOR_EVENTS = (Anchored, AnchorRefused)
JUDGE_EVENTS = (Ruled,)
# Contracts share names of events, and what these are hashed by; who says it tells them apart.
EVENTS_OF: Mapping[str, tuple[type[Any], ...]] = {
    "InsurancePool": POOL_EVENTS,
    "EpochAnchors": ANCHOR_EVENTS,
    "Judge": JUDGE_EVENTS,
    "Payment": PAYMENT_EVENTS,
    "Challenges": CHALLENGES_EVENTS,
    **STAKE_EVENTS_OF,
    "Purses": (Shared,),
    "Rewards": REWARD_EVENTS,
}
CONTRACT_EVENTS = tuple(event for events in EVENTS_OF.values() for event in events)

ChainEvent: TypeAlias = (
    Anchored | AnchorRefused | Compensated | Ruled | PaymentEvent | StakeEvent | Shared | RewardEvent
)


class LoggedEvent(NamedTuple):
    """An event and where the chain holds it."""

    event: ChainEvent
    block_number: int
    tx_hash: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """How a mined transaction went: `status` 1 is done, 0 is reverted (and then nothing was paid)."""

    tx_hash: bytes
    block_number: int
    block_hash: bytes
    status: int
    gas_used: int
    events: tuple[ChainEvent, ...]
