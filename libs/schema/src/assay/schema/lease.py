"""The lease: one provider's right to run one part of one job, its events, and the only table of its moves."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from assay.schema.event import Event
from assay.schema.job import JobSpec
from assay.schema.life import Life, Move
from assay.schema.values import (
    Code,
    Digest,
    EpochId,
    EpochNumber,
    Fence,
    JobId,
    LeaseId,
    Millis,
    Money,
    OfferId,
    ProviderId,
    Reason,
    RequesterId,
    Role,
    SegmentIndex,
    StepPlace,
    TxHash,
    Units,
    Value,
    VerdictId,
)

FORFEIT: Final = "epoch.rejected"
"""The code by which a lease is rejected for the fault of another in its epoch: it is not paid, and not slashed."""
TIE: Final = "segment.tie"
"""The code by which a lease is rejected whose dispute nobody won: it is not paid, and not slashed."""
OTHER_CLASS: Final = "segment.other_class"
"""The code by which a lease is rejected whose bits are not those of the class of machine that its provider states: it
is not paid, and not slashed, for they lie within honest noise."""
NO_QUORUM: Final = "segment.no_quorum"
"""The code by which a lease is rejected about which verifiers do not agree: it is not paid, and not slashed."""

UNPROVEN: Final = "segment.unproven"
"""The code by which a lease is rejected of which no verifier could answer a drawn segment: it is not paid, and not
slashed."""
UNCHECKED: Final = "epoch.unproven"
"""The code by which a lease is rejected because such a segment stood for it in the draw: it is not paid, nor blamed."""
BLAMELESS: Final = (OTHER_CLASS, TIE, NO_QUORUM, UNPROVEN, UNCHECKED)
"""The codes by which a lease is rejected and nobody accused."""

METRICS_MAX: Final = 16
NAME_MAX: Final = 32
"""So many measurements a statement of progress has, with names so long."""


class LeaseFact(Value):
    """What every event of a lease names. The fence rises with each grant of the same part."""

    lease_id: LeaseId
    job_id: JobId
    provider: ProviderId
    fence: Fence


class ResumePoint(Value):
    """Where a later lease carries on: the last committed segment's state and the blob that holds it."""

    segment: SegmentIndex
    state: Digest
    checkpoint: Digest
    commitment: Digest


class LeaseGranted(LeaseFact, Event, type="lease.granted", by=Role.MATCHING, tells=("provider",)):
    """Emitted when a job's part is given to a provider. Consumed by the gateway, discovery, verification and
    settlement.

    Work starts at segment 0, or right after `resume`.
    """

    requester: RequesterId
    offer_id: OfferId
    spec: JobSpec
    mega_unit_price: Money
    resume: ResumePoint | None = None
    deadline_ms: Millis


class LeaseStarted(LeaseFact, Event, type="lease.started", by=Role.PROVIDER):
    """Emitted when the provider's child process has the inputs and begins. Consumed by matching."""


class LeaseCommitted(LeaseFact, Event, type="lease.committed", by=Role.PROVIDER):
    """Emitted when a segment is closed by a checkpoint and a commitment. Consumed by all but discovery.

    `commitment` chains: it is the digest of this segment's leaf and of `previous`, the commitment before it. `machine`
    is the class of what computed it; verifiers of that class must come to the same bits. `code` is the digest of the
    release of the workload that did.
    """

    segment: SegmentIndex
    state_in: Digest
    state_out: Digest
    checkpoint: Digest
    units: Units
    previous: Digest
    commitment: Digest
    compute_ms: Millis
    metrics: dict[str, float] = Field(default_factory=dict)
    machine: Digest | None = None
    code: Digest | None = None


class LeaseProgressed(LeaseFact, Event, type="lease.progressed", by=Role.PROVIDER):
    """Emitted inside a long segment, seldom (`progress_s`): steps done of all its steps, and what they measured.

    Nothing is paid or proven by it: it is the provider's word, for those who watch.
    """

    segment: SegmentIndex
    done: Annotated[int, Field(ge=0, lt=2**31)]
    total: Annotated[int, Field(ge=1, lt=2**31)]
    metrics: dict[Annotated[str, Field(max_length=NAME_MAX)], float] = Field(
        default_factory=dict, max_length=METRICS_MAX
    )


class LeaseExecuted(LeaseFact, Event, type="lease.executed", by=Role.PROVIDER):
    """Emitted when the last segment is committed: the Merkle root over this lease's leaves, and the result's blob."""

    segments: Annotated[int, Field(ge=0, le=10_000)]
    root: Digest
    result: Digest


class LeaseFailed(LeaseFact, Event, type="lease.failed", by=Role.PROVIDER):
    """Emitted when the job itself cannot be done (bad data, does not fit). Consumed by matching and discovery.

    It is one provider's word: the job ends if nobody else is there, or another says the same.
    """

    code: Code
    reason: Reason


class LeaseReleased(LeaseFact, Event, type="lease.released", by=Role.PROVIDER):
    """Emitted when a provider leaves by plan, after the segment in hand. Consumed by matching and discovery.

    Or when its own machine fails at the job: for the reason that `code` names.
    """

    reason: Reason
    code: Code | None = None


class LeaseLapsed(LeaseFact, Event, type="lease.lapsed", by=Role.MATCHING, tells=("provider",)):
    """Emitted when a lease ends without its provider: silent, too late, or the job stopped."""

    code: Code
    reason: Reason


class LeaseVerified(LeaseFact, Event, type="lease.verified", by=Role.VERIFICATION, tells=("provider",)):
    """Emitted when the drawn segments of a lease's commitments stand. Consumed by settlement and discovery."""

    verdict_id: VerdictId
    segments: Annotated[int, Field(ge=1, le=10_000)]
    units: Units
    root: Digest


class LeaseRejected(LeaseFact, Event, type="lease.rejected", by=Role.VERIFICATION, tells=("provider",)):
    """Emitted when a segment of the lease is proven false. Consumed by settlement, discovery and matching.

    Of the epoch that it stands in, if any, stake answers once, whatever leases are at fault.
    """

    verdict_id: VerdictId
    segment: SegmentIndex
    code: Code
    root: Digest
    epoch_id: EpochId | None = None


class LeasePaid(LeaseFact, Event, type="lease.paid", by=Role.SETTLEMENT, tells=("provider",)):
    """Emitted when what the lease earned, by segments or vouchers, is posted on chain. Never twice for a lease.

    It is step `step` of all, first posted in epoch `payment` of Payment; one that earned nothing is none.
    """

    amount: Money
    payment: EpochNumber | None = None
    step: StepPlace | None = None
    tx: TxHash | None = None


class SlashReason(StrEnum):
    """Why stake is taken; the contract's enum has the same members in the same order."""

    INVALID_RESULT = "invalid_result"
    WITHHELD_DATA = "withheld_data"
    DOWNTIME = "downtime"
    FALSE_CAPACITY = "false_capacity"
    LAZY_VERIFIER = "lazy_verifier"
    FALSE_ACCUSATION = "false_accusation"
    EQUIVOCATION = "equivocation"


class LeaseSlashed(LeaseFact, Event, type="lease.slashed", by=Role.SETTLEMENT, tells=("provider",)):
    """Emitted when stake is taken for a rejected lease, own and delegated: nobody appealed in time, or in vain.

    The money is burned or in the insurance pool. Of several leases at fault in one epoch each is named with its part.
    """

    amount: Money
    reason: SlashReason
    tx: TxHash


class LeaseSpared(LeaseFact, Event, type="lease.spared", by=Role.SETTLEMENT, tells=("provider",)):
    """Emitted when nothing is taken for a rejected lease: an appeal prevailed, or there was nothing to take."""

    code: Code


class LeaseState(StrEnum):
    GRANTED = "granted"
    RUNNING = "running"
    EXECUTED = "executed"
    FAILED = "failed"
    LAPSED = "lapsed"
    RELEASED = "released"
    VERIFIED = "verified"
    REJECTED = "rejected"
    PAID = "paid"
    SLASHED = "slashed"
    SPARED = "spared"


_S = LeaseState
_OPEN = (_S.GRANTED, _S.RUNNING)
_UNPROVEN = (_S.FAILED, _S.LAPSED, _S.RELEASED)
_STOPPED = (_S.EXECUTED, *_UNPROVEN)

TRANSITIONS: Final[tuple[Move[LeaseState], ...]] = (
    Move((), LeaseGranted, _S.GRANTED, Role.MATCHING),
    Move((_S.GRANTED,), LeaseStarted, _S.RUNNING, Role.PROVIDER),
    Move((_S.RUNNING,), LeaseCommitted, _S.RUNNING, Role.PROVIDER),
    Move((_S.RUNNING,), LeaseProgressed, _S.RUNNING, Role.PROVIDER),
    Move((_S.RUNNING,), LeaseExecuted, _S.EXECUTED, Role.PROVIDER),
    Move(_OPEN, LeaseFailed, _S.FAILED, Role.PROVIDER),
    Move(_OPEN, LeaseReleased, _S.RELEASED, Role.PROVIDER),
    Move(_OPEN, LeaseLapsed, _S.LAPSED, Role.MATCHING),
    Move(_STOPPED, LeaseVerified, _S.VERIFIED, Role.VERIFICATION),
    Move(_STOPPED, LeaseRejected, _S.REJECTED, Role.VERIFICATION),
    Move((*_UNPROVEN, _S.VERIFIED), LeasePaid, _S.PAID, Role.SETTLEMENT),
    Move((_S.REJECTED,), LeaseSlashed, _S.SLASHED, Role.SETTLEMENT),
    Move((_S.REJECTED,), LeaseSpared, _S.SPARED, Role.SETTLEMENT),
)

LEASE_LIFE: Final = Life("lease", TRANSITIONS)
