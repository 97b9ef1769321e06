"""Payment's epochs, as the chain shows them: with what is said of jobs and audits, all that their roots are made of."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from assay.schema.event import Event
from assay.schema.values import Address, Digest, EpochNumber, Money, PaymentId, Role, StepPlace, TxHash, Value


class PaymentFact(Value):
    """What happened at Payment, and where the chain shows it."""

    payment_id: PaymentId
    tx: TxHash
    block: Annotated[int, Field(ge=0)]


class PaymentEnlisted(PaymentFact, Event, type="payment.enlisted", by=Role.SETTLEMENT):
    """Emitted when an account gets its place in the tree of all accounts."""

    account: Address
    place: Annotated[int, Field(ge=1, lt=2**32)]


class PaymentPosted(PaymentFact, Event, type="payment.posted", by=Role.SETTLEMENT):
    """Emitted when an epoch is posted: `steps` of them from place `first_step` on, counted over all there were.

    `root` with `credits` and `debits` is what they make of all accounts.
    """

    number: EpochNumber
    first_step: StepPlace
    steps: Annotated[int, Field(ge=1, lt=2**32)]
    steps_root: Digest
    root: Digest
    credits: Money
    debits: Money
    posted_at: Annotated[int, Field(ge=0, description="seconds since 1970, by the block")]
    poster: Address
    gas: Annotated[int, Field(ge=0)] = 0


class PaymentFinalised(PaymentFact, Event, type="payment.finalised", by=Role.SETTLEMENT):
    """Emitted when an epoch and all before it can be doubted no more: whoever is credited in it can be paid."""

    number: EpochNumber


class VoidReason(StrEnum):
    """Why an epoch is void; the contract's enum has the same members in the same order."""

    UNANSWERED = "unanswered"
    WRONG_STEP = "wrong_step"
    WRONG_SUM = "wrong_sum"
    CHARGED_TWICE = "charged_twice"


class PaymentVoided(PaymentFact, Event, type="payment.voided", by=Role.SETTLEMENT):
    """Emitted when an epoch and all after it are void: their steps keep their places and are posted again."""

    number: EpochNumber
    reason: VoidReason


class AccountChanged(Event, type="account.changed", by=Role.SETTLEMENT, key="account"):
    """Emitted when the chain has moved money of an account: what it shows of it by now, before charges.

    `transfer` is a place in settlement's ledger, which only grows: of two of one account the higher is the later one,
    also where a fork took something back.
    """

    account: Address
    deposited: Annotated[Money, Field(description="less what was taken out")] = 0
    paid: Annotated[Money, Field(description="for what it earned, since the beginning")] = 0
    stake: Money = 0
    unbonding: Money = 0
    transfer: Annotated[int, Field(ge=1)]
    block: Annotated[int, Field(ge=0)]
