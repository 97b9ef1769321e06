"""What the contracts say happened: one frozen class per event, with the fields of the contract's event in its order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


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
    """A job's money came to its end: `paid` and `refunded` add up to what was locked."""

    job_id: bytes
    paid: int
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


ESCROW_EVENTS = (Deposited, Withdrawn, Opened, Refused, Paid, Settled, SettlementRefused, Reclaimed)
STAKE_EVENTS = (Staked, Unstaked, StakeWithdrawn, Slashed, SlashRefused)
POOL_EVENTS = (Compensated,)

ChainEvent: TypeAlias = (
    Deposited
    | Withdrawn
    | Opened
    | Refused
    | Paid
    | Settled
    | SettlementRefused
    | Reclaimed
    | Staked
    | Unstaked
    | StakeWithdrawn
    | Slashed
    | SlashRefused
    | Compensated
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
