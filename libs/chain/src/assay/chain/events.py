"""What the contracts say happened: one frozen class per event, with the fields of the contract's event in its order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from assay.chain.payment.events import CHALLENGES_EVENTS, PAYMENT_EVENTS, PaymentEvent


@dataclass(frozen=True, slots=True)
class Deposited:
    """A party's withdrawable balance in the escrow rose by a deposit."""

    party: str
    amount: int


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A party took stable tokens out of the escrow."""

    party: str
    amount: int


@dataclass(frozen=True, slots=True)
class Opened:
    """An order's price limit was locked."""

    job_id: bytes
    requester: str
    amount: int


@dataclass(frozen=True, slots=True)
class Refused:
    """An order locked nothing; `reason` is an `OpenRefusal`."""

    job_id: bytes
    reason: int


@dataclass(frozen=True, slots=True)
class Paid:
    """A lease was paid into its provider's withdrawable balance."""

    job_id: bytes
    provider: str
    fence: int
    amount: int


@dataclass(frozen=True, slots=True)
class Settled:
    """A job's money came to its end: `paid`, `fee` and `refunded` add up to what was locked."""

    job_id: bytes
    paid: int
    fee: int
    refunded: int
    receipt_digest: bytes


@dataclass(frozen=True, slots=True)
class SettlementRefused:
    """A settlement changed nothing; `reason` is a `SettlementRefusal`."""

    job_id: bytes
    reason: int


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """A job that nobody settled gave its locked sum back."""

    job_id: bytes
    requester: str
    amount: int


@dataclass(frozen=True, slots=True)
class AuditsFunded:
    """The audit fund rose by what somebody gave."""

    giver: str
    amount: int


@dataclass(frozen=True, slots=True)
class AuditPaid:
    """An audit was paid out of the fund into its verifier's withdrawable balance."""

    audit_id: bytes
    verifier: str
    amount: int


@dataclass(frozen=True, slots=True)
class AuditRefused:
    """An audit was not paid; `reason` is an `AuditRefusal`."""

    audit_id: bytes
    reason: int


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
class Staked:
    """A provider's active stake rose."""

    provider: str
    amount: int


@dataclass(frozen=True, slots=True)
class Unstaked:
    """Active stake began to unbond; it can leave from `ready_at` (s) on."""

    provider: str
    amount: int
    ready_at: int


@dataclass(frozen=True, slots=True)
class StakeWithdrawn:
    """Unbonded stake left the contract."""

    provider: str
    amount: int


@dataclass(frozen=True, slots=True)
class Slashed:
    """Stake went to the insurance pool; `reason` is a `SlashReason`, `amount` what was really taken."""

    provider: str
    amount: int
    reason: int
    job_id: bytes
    fence: int


@dataclass(frozen=True, slots=True)
class SlashRefused:
    """An offence had been slashed before; nothing changed."""

    provider: str
    job_id: bytes
    fence: int


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


ESCROW_EVENTS = (
    *(Deposited, Withdrawn, Opened, Refused, Paid, Settled, SettlementRefused, Reclaimed),
    *(AuditsFunded, AuditPaid, AuditRefused),
)
STAKE_EVENTS = (Staked, Unstaked, StakeWithdrawn, Slashed, SlashRefused)
POOL_EVENTS = (Compensated,)
ANCHOR_EVENTS = (Anchored, AnchorRefused)
JUDGE_EVENTS = (Ruled,)
# Contracts share names of events, and what these are hashed by; who says it tells them apart.
EVENTS_OF: Mapping[str, tuple[type[Any], ...]] = {
    "Escrow": ESCROW_EVENTS,
    "Stake": STAKE_EVENTS,
    "InsurancePool": POOL_EVENTS,
    "EpochAnchors": ANCHOR_EVENTS,
    "Judge": JUDGE_EVENTS,
    "Payment": PAYMENT_EVENTS,
    "Challenges": CHALLENGES_EVENTS,
}
CONTRACT_EVENTS = tuple(event for events in EVENTS_OF.values() for event in events)

ChainEvent: TypeAlias = (
    Deposited
    | Withdrawn
    | Opened
    | Refused
    | Paid
    | Settled
    | SettlementRefused
    | Reclaimed
    | AuditsFunded
    | AuditPaid
    | AuditRefused
    | Anchored
    | AnchorRefused
    | Staked
    | Unstaked
    | StakeWithdrawn
    | Slashed
    | SlashRefused
    | Compensated
    | Ruled
    | PaymentEvent
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
