"""What Payment and Challenges say happened: one frozen class per event, with its fields in their order."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, TypeAlias

from assay.chain.words import checksum
from assay.proof import settlement
from assay.proof.settlement_tree import Node

BY: Final = struct.Struct(">20sIII")


@dataclass(frozen=True, slots=True)
class Registered:
    """An account got its place in the tree."""

    account: str
    index: int


@dataclass(frozen=True, slots=True)
class Deposited:
    """A requester's deposit rose."""

    requester: str
    amount: int


@dataclass(frozen=True, slots=True)
class Leaving:
    """A requester announced what it takes out, or took that back (amount 0); from `cutoff` on it is not charged."""

    requester: str
    amount: int
    cutoff: int


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A requester took out what it had announced, as far as it was not debited."""

    requester: str
    amount: int


@dataclass(frozen=True, slots=True)
class Posted:
    """An epoch was posted; `by` is the poster (160 bits), the epoch's number, its steps and when (32 each)."""

    by: int
    steps_root: bytes
    state: Node

    @property
    def epoch(self) -> settlement.Posted:
        """The epoch as calls and digests take it."""
        poster, number, steps, posted_at = BY.unpack(self.by.to_bytes(BY.size, "big"))
        return settlement.Posted(number, posted_at, checksum(poster), steps, self.steps_root, self.state)

    @classmethod
    def of(cls, epoch: settlement.Posted) -> Posted:
        """The event of an epoch."""
        by = BY.pack(bytes.fromhex(epoch.poster[2:]), epoch.number, epoch.steps, epoch.posted_at)
        return cls(int.from_bytes(by, "big"), epoch.steps_root, epoch.state)


@dataclass(frozen=True, slots=True)
class Finalised:
    """An epoch and all before it are final."""

    number: int


@dataclass(frozen=True, slots=True)
class Voided:
    """An epoch and all after it are void; `reason` is a `VoidReason`."""

    number: int
    epoch: bytes
    poster: str
    reason: int


@dataclass(frozen=True, slots=True)
class Paid:
    """An account was paid what it was credited up to `credit`, all counted from the beginning."""

    provider: str
    amount: int
    credit: int


@dataclass(frozen=True, slots=True)
class PayFailed:
    """The token refused to pay an account, which keeps its claim."""

    provider: str
    amount: int


@dataclass(frozen=True, slots=True)
class FeesPaid:
    """Fees went to the treasury."""

    amount: int


@dataclass(frozen=True, slots=True)
class BondAdded:
    """A poster's bond rose."""

    poster: str
    amount: int


@dataclass(frozen=True, slots=True)
class BondLeaving:
    """A poster posts no more; its bond can leave from `ready_at` on."""

    poster: str
    ready_at: int


@dataclass(frozen=True, slots=True)
class BondWithdrawn:
    """A poster took its bond out."""

    poster: str
    amount: int


@dataclass(frozen=True, slots=True)
class BondSlashed:
    """A bond was taken: `refund` went to the challenger, the rest to the insurance pool."""

    poster: str
    amount: int
    refund: int
    challenger: str


@dataclass(frozen=True, slots=True)
class PosterAppointed:
    """Who may post, or no longer."""

    poster: str
    is_appointed: bool


@dataclass(frozen=True, slots=True)
class DemandMade:
    """A step or a leaf of an epoch is to be shown until `deadline`; `kind` is a `Demanded`."""

    epoch: bytes
    kind: int
    index: int
    challenger: str
    deadline: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What was demanded was shown."""

    epoch: bytes
    kind: int
    index: int


@dataclass(frozen=True, slots=True)
class VerdictKeySet:
    """From when until when epochs may rest on verdicts by a key."""

    key: str
    begins: int
    ends: int


PAYMENT_EVENTS = (
    *(Registered, Deposited, Leaving, Withdrawn, Posted, Finalised, Voided, Paid, PayFailed, FeesPaid),
    *(BondAdded, BondLeaving, BondWithdrawn, BondSlashed, PosterAppointed),
)
CHALLENGES_EVENTS = (DemandMade, Answered, VerdictKeySet)

PaymentEvent: TypeAlias = (
    Registered
    | Deposited
    | Leaving
    | Withdrawn
    | Posted
    | Finalised
    | Voided
    | Paid
    | PayFailed
    | FeesPaid
    | BondAdded
    | BondLeaving
    | BondWithdrawn
    | BondSlashed
    | PosterAppointed
    | DemandMade
    | Answered
    | VerdictKeySet
)
