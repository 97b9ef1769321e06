"""The job: what a requester asks for, the events of its life, and the only table of its moves."""

from enum import StrEnum
from operator import not_
from typing import Annotated, Final

from pydantic import Field, JsonValue

from assay.schema.event import Event
from assay.schema.life import Life, Move
from assay.schema.values import (
    Code,
    Digest,
    EpochNumber,
    Fence,
    JobId,
    Kind,
    LeaseId,
    Millis,
    Money,
    Policy,
    ProviderId,
    Reason,
    RequesterId,
    Requirements,
    Role,
    SegmentIndex,
    Signature,
    StepPlace,
    TxHash,
    Value,
    VerifierId,
)


class JobSpec(Value):
    """The work itself: the kind's parameters, the data by digest, and its cut into segments of equal cost.

    Those of `inputs` that are `sealed` are read with a key that the gateway gives to whom the job needs to read them.
    With a `seal`, the name of a key that is given so, what is made for the job is stored sealed under that key. Those
    of `inputs` that are `made` were made for jobs of this seal and are read by it: what it does not open says nothing.
    """

    kind: Kind
    params: dict[str, JsonValue] = Field(default_factory=dict)
    inputs: Annotated[tuple[Digest, ...], Field(max_length=64)] = ()
    segments: Annotated[int, Field(ge=1, le=10_000)]
    segment_units: Annotated[int, Field(ge=1, lt=2**53)]
    requirements: Requirements = Requirements()
    policy: Policy = Policy()
    sealed: Annotated[tuple[Digest, ...], Field(max_length=64)] = ()
    seal: Digest | None = None
    made: Annotated[tuple[Digest, ...], Field(max_length=64)] = ()

    @property
    def keys(self) -> tuple[Digest, ...]:
        """The names of all keys that the job needs."""
        return (*self.sealed, self.seal) if self.seal else self.sealed

    @property
    def reaches(self) -> bool:
        """Whether the work reaches hosts: of whatever kind, those that its parameters call `egress`."""
        return bool(self.params.get("egress"))


class LeaseShare(Value):
    """What one lease did for a job: `segments` of them from `first_segment` on, under one commitment root."""

    lease_id: LeaseId
    provider: ProviderId
    fence: Fence
    first_segment: SegmentIndex
    segments: Annotated[int, Field(ge=0, le=10_000)]
    mega_unit_price: Money
    root: Digest


class Payout(Value):
    """What one lease earned its provider, and the fee that its work costs besides: not written where there is none."""

    lease_id: LeaseId
    provider: ProviderId
    fence: Fence
    amount: Money
    fee: Money = Field(default=0, exclude_if=not_)


class VerifierPayout(Value):
    """What one verifier earned by the audits that a job's order asked for."""

    verifier: VerifierId
    amount: Money


class JobSubmitted(Event, type="job.submitted", by=Role.REQUESTER, tells=("requester",)):
    """Emitted when a requester asks for work and signs the order. Consumed by settlement and matching.

    `order_signature` is over the EIP-712 JobOrder that authorises at most `price_limit`.
    """

    job_id: JobId
    requester: RequesterId
    spec: JobSpec
    price_limit: Money
    deadline_ms: Millis
    order_signature: Signature


class JobFunded(Event, type="job.funded", by=Role.SETTLEMENT, tells=("requester",)):
    """Emitted when the price limit is held from the deposit. Consumed by matching. Never twice for a job."""

    job_id: JobId
    requester: RequesterId
    amount: Money


class JobWaiting(Event, type="job.waiting", by=Role.MATCHING, tells=("requester",)):
    """Emitted when no offer fits a funded job: each reason with how many offers it kept out."""

    job_id: JobId
    requester: RequesterId
    reasons: dict[str, int]


class JobMatched(Event, type="job.matched", by=Role.MATCHING, tells=("requester",)):
    """Emitted with the grant of a lease to an offer that fits."""

    job_id: JobId
    requester: RequesterId
    lease_id: LeaseId
    provider: ProviderId


class JobStarted(Event, type="job.started", by=Role.MATCHING, tells=("requester",)):
    """Emitted when the matched provider has begun."""

    job_id: JobId
    requester: RequesterId
    lease_id: LeaseId


class JobInterrupted(Event, type="job.interrupted", by=Role.MATCHING, tells=("requester",)):
    """Emitted when the lease lapsed or was released: the part is matched again from the last committed segment."""

    job_id: JobId
    requester: RequesterId
    lease_id: LeaseId
    reason: Reason


class JobStopped(Value):
    """How far a job came: every lease it had, and what each committed."""

    job_id: JobId
    requester: RequesterId
    leases: tuple[LeaseShare, ...] = ()


class JobExecuted(JobStopped, Event, type="job.executed", by=Role.MATCHING, tells=("requester",)):
    """Emitted when every segment is committed. Consumed by verification, settlement and discovery."""

    result: Digest


class JobFailed(JobStopped, Event, type="job.failed", by=Role.MATCHING, tells=("requester",)):
    """Emitted when the job itself cannot be done. Consumed by verification and settlement: done segments are paid."""

    code: Code
    reason: Reason


class JobUnfunded(Event, type="job.unfunded", by=Role.SETTLEMENT, tells=("requester",)):
    """Emitted when the order is refused, or no deposit covers it. The end: no money moved. Consumed by matching."""

    job_id: JobId
    requester: RequesterId
    code: Code
    reason: Reason


class JobExpired(JobStopped, Event, type="job.expired", by=Role.MATCHING, tells=("requester",)):
    """Emitted when the deadline passed first. Consumed by verification and settlement: done segments are paid."""


class JobWithdrawn(Event, type="job.withdrawn", by=Role.REQUESTER, tells=("requester",)):
    """Emitted when the requester wants the job no more. Consumed by matching, which cancels what can be cancelled."""

    job_id: JobId
    requester: RequesterId


class JobCancelled(JobStopped, Event, type="job.cancelled", by=Role.MATCHING, tells=("requester",)):
    """Emitted when a withdrawn job has stopped. Consumed by verification and settlement: done segments are paid."""


class JobVerified(Event, type="job.verified", by=Role.VERIFICATION, tells=("requester",)):
    """Emitted when every lease of an executed job passed its audit. Consumed by settlement."""

    job_id: JobId
    requester: RequesterId
    cost_share_ppm: Annotated[int, Field(ge=0, description="audit compute over job compute, parts per million")]


class JobRejected(Event, type="job.rejected", by=Role.VERIFICATION, tells=("requester",)):
    """Emitted when a lease of an executed job failed its audit. Consumed by settlement."""

    job_id: JobId
    requester: RequesterId
    cost_share_ppm: Annotated[int, Field(ge=0)]
    reason: Reason


class Closing(Value):
    """The end of a job's money: what was paid to whom, what went back, under which receipt.

    `fee` is what all payouts cost besides, `audited` what `verifiers` earned by audits that the order asked for: with
    the refund they are what was held. Each payout that costs anything is a step of Payment, then each of
    `verifiers`: `step` is the place of the first among all steps, `payment` the epoch that they were first posted in,
    by `tx`, of whose gas the job bears `gas`. Where nothing was earned there is none of these.
    """

    job_id: JobId
    requester: RequesterId
    payouts: tuple[Payout, ...] = ()
    fee: Money = 0
    verifiers: tuple[VerifierPayout, ...] = ()
    audited: Money = 0
    refunded: Money
    payment: EpochNumber | None = None
    step: StepPlace | None = None
    tx: TxHash | None = None
    gas: Annotated[int, Field(ge=0)] = 0
    receipt: Digest


class JobSettled(Closing, Event, type="job.settled", by=Role.SETTLEMENT, tells=("requester",)):
    """Emitted when what a verified job cost is posted and final on chain. Never twice for a job."""


class JobRefunded(Closing, Event, type="job.refunded", by=Role.SETTLEMENT, tells=("requester",)):
    """Emitted when a job that did not succeed is closed: verified segments paid, the rest its requester's again."""


class JobState(StrEnum):
    SUBMITTED = "submitted"
    FUNDED = "funded"
    MATCHED = "matched"
    RUNNING = "running"
    EXECUTED = "executed"
    VERIFIED = "verified"
    SETTLED = "settled"
    UNFUNDED = "unfunded"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"
    REJECTED = "rejected"
    REFUNDED = "refunded"


_S = JobState
_ALIVE = (_S.FUNDED, _S.MATCHED, _S.RUNNING)

TRANSITIONS: Final[tuple[Move[JobState], ...]] = (
    Move((), JobSubmitted, _S.SUBMITTED, Role.REQUESTER),
    Move((_S.SUBMITTED,), JobFunded, _S.FUNDED, Role.SETTLEMENT),
    Move((_S.SUBMITTED,), JobUnfunded, _S.UNFUNDED, Role.SETTLEMENT),
    Move((_S.FUNDED,), JobMatched, _S.MATCHED, Role.MATCHING),
    Move((_S.MATCHED,), JobStarted, _S.RUNNING, Role.MATCHING),
    Move((_S.MATCHED, _S.RUNNING), JobInterrupted, _S.FUNDED, Role.MATCHING),
    Move((_S.RUNNING,), JobExecuted, _S.EXECUTED, Role.MATCHING),
    Move(_ALIVE, JobFailed, _S.FAILED, Role.MATCHING),
    Move(_ALIVE, JobExpired, _S.EXPIRED, Role.MATCHING),
    Move(_ALIVE, JobCancelled, _S.CANCELLED, Role.MATCHING),
    Move((_S.EXECUTED,), JobVerified, _S.VERIFIED, Role.VERIFICATION),
    Move((_S.EXECUTED,), JobRejected, _S.REJECTED, Role.VERIFICATION),
    Move((_S.VERIFIED,), JobSettled, _S.SETTLED, Role.SETTLEMENT),
    Move((_S.REJECTED, _S.FAILED, _S.EXPIRED, _S.CANCELLED), JobRefunded, _S.REFUNDED, Role.SETTLEMENT),
)

JOB_LIFE: Final = Life("job", TRANSITIONS)
