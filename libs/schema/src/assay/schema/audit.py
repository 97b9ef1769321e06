"""The audit: one verifier's blind answer about one drawn segment; and the verifiers who give them.

A verifier gets a segment's inputs, never what was claimed of it. It seals its answer before any other is revealed, and
the answer is keyed by a nonce of its own, so that it cannot be made from what others published.
"""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from assay.schema.event import Event
from assay.schema.job import JobSpec
from assay.schema.lease import SlashReason
from assay.schema.life import Life, Move
from assay.schema.values import (
    AuditId,
    Code,
    Digest,
    EpochId,
    EpochNumber,
    InputLimit,
    JobId,
    Kind,
    LeaseId,
    MethodName,
    Millis,
    Money,
    OperatorPlace,
    Reason,
    Region,
    RequesterId,
    Role,
    SegmentIndex,
    Signature,
    StepPlace,
    TxHash,
    Value,
    VerifierId,
)


class VerifierAnnounced(Event, type="verifier.announced", by=Role.VERIFIER, key="verifier"):
    """Emitted when a verifier states or renews what it can check. Consumed by verification, which draws from these.

    `network` names whose wires it hangs on (an ASN, a site); verifiers of one audit are drawn from several. `machine`
    is its determinism class: what decides the bits that it computes (64 zeros if it cannot tell). `egress`: programs
    may reach the hosts that their job names. `input_bytes`: what the inputs of a job that it checks may have at most.
    """

    verifier: VerifierId
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1, max_length=64)]
    memory_bytes: Annotated[int, Field(ge=0, le=2**50)]
    machine: Digest
    region: Region
    network: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]
    slots: Annotated[int, Field(ge=1, le=256)] = 1
    expires_ms: Millis
    egress: bool = False
    input_bytes: InputLimit = 2**50


class VerifierWithdrawn(Event, type="verifier.withdrawn", by=Role.VERIFIER, key="verifier"):
    """Emitted when a verifier leaves by plan. Consumed by verification: it is drawn no more."""

    verifier: VerifierId


class VerifierSlashed(Event, type="verifier.slashed", by=Role.SETTLEMENT, tells=("verifier",), key="verifier"):
    """Emitted when a verifier's stake is taken for an overruled audit; none of it is the accuser's."""

    verifier: VerifierId
    audit_id: AuditId
    amount: Money
    reason: SlashReason
    tx: TxHash


class VerifierSpared(Event, type="verifier.spared", by=Role.SETTLEMENT, tells=("verifier",), key="verifier"):
    """Emitted when nothing is taken for an overruled audit: an appeal prevailed, or there was nothing to take."""

    verifier: VerifierId
    audit_id: AuditId
    code: Code


class AuditFact(Value):
    """What every event of an audit names."""

    audit_id: AuditId
    verifier: VerifierId


class AuditClaim(Value):
    """What a verifier is shown of a claim where it does not run the segment: the blob `shown`, to be read by `method`.

    What it has to find in it is not there. `seed` draws what of it is looked at. Of a trace the claim is that it has
    this `root` and ends in the state `state_out`; it starts from the audit's checkpoint. With `operator` that
    one alone is to be measured, all of it, and once more as it was first looked at, by the seed `first`: a drawn
    committee is asked.
    """

    method: MethodName
    shown: Digest
    seed: Digest
    root: Digest | None = None
    state_out: Digest | None = None
    operator: OperatorPlace | None = None
    first: Digest | None = None


class AuditAssigned(AuditFact, Event, type="audit.assigned", by=Role.VERIFICATION, public=False, tells=("verifier",)):
    """Emitted when a verifier is drawn: run `segment` of the job from `checkpoint` (none: the job's start state).

    With `claim` it is not to be run: what is shown of the claim is to be read, as the method says.
    The answer is keyed by `nonce`. It is due, sealed, by `deadline_ms`.
    """

    spec: JobSpec
    segment: SegmentIndex
    checkpoint: Digest | None = None
    claim: AuditClaim | None = None
    nonce: Digest
    fee: Money
    deadline_ms: Millis


class AuditSealed(AuditFact, Event, type="audit.sealed", by=Role.VERIFIER, public=False):
    """Emitted when the verifier has its answer: the digest that binds it, its salt and its speaker."""

    seal: Digest


class AuditCalled(AuditFact, Event, type="audit.called", by=Role.VERIFICATION, public=False, tells=("verifier",)):
    """Emitted when all who were asked about the segment have sealed: reveal now."""


class AuditRevealed(AuditFact, Event, type="audit.revealed", by=Role.VERIFIER, public=False):
    """Emitted with what was sealed: the keyed answer, the state's digest and the blob that holds the state.

    Of a claim that was read, state and blob are what was seen. `machine` is the class of what computed it.
    """

    answer: Digest
    state: Digest
    checkpoint: Digest
    salt: Digest
    compute_ms: Millis
    machine: Digest | None = None


class AuditDeclined(AuditFact, Event, type="audit.declined", by=Role.VERIFIER, public=False):
    """Emitted when the verifier's own machine cannot do it. Another is drawn; nobody is blamed."""

    code: Code
    reason: Reason


class AuditLapsed(AuditFact, Event, type="audit.lapsed", by=Role.VERIFICATION, public=False, tells=("verifier",)):
    """Emitted when an answer did not come in time. Another is drawn."""

    code: Code


class OpenedTrace(Value):
    """The trace that an audit was about: its root and blob, when and under which signature its provider opened it.

    The hash of `block`, which came after, draws with the epoch's seed and the question what is looked at: `seed`.
    """

    root: Digest
    trace: Digest
    time_ms: Millis
    signature: Signature
    block: Annotated[int, Field(ge=0)]
    block_hash: Digest
    seed: Digest


class AuditEnding(AuditFact):
    """What the end of an audit says of its question: whose segment it was, how it was checked, if the claim was agreed.

    Equal answers are of one `group`: 0 is the claim's, and what was not sealed has none. `opened` is the trace that it
    was about, if it was. None of it is said of an audit that was planted.
    """

    epoch_id: EpochId | None = None
    lease_id: LeaseId | None = None
    segment: SegmentIndex | None = None
    method: MethodName | None = None
    agreed: bool | None = None
    group: Annotated[int, Field(ge=-1, lt=2**31)] | None = None
    opened: OpenedTrace | None = None


class AuditUpheld(AuditEnding, Event, type="audit.upheld", by=Role.VERIFICATION, tells=("verifier",)):
    """Emitted when the answer stands. Consumed by settlement, which pays `fee` whatever the answer was.

    It is paid by the order that asked for it (`ordered_by`), or else by the operator.
    """

    fee: Money
    ordered_by: JobId | None = None


class AuditOverruled(AuditEnding, Event, type="audit.overruled", by=Role.VERIFICATION, tells=("verifier",)):
    """Emitted when the answer is proven false. Consumed by settlement, which slashes the bond."""

    reason: SlashReason


class AuditPaid(AuditFact, Event, type="audit.paid", by=Role.SETTLEMENT, tells=("verifier",)):
    """Emitted when the fee is posted on chain. Never twice for an audit.

    It is in step `step` of all, first posted in epoch `payment` of Payment. `requester` pays: who ordered the audit
    with its job, or, without a job, the operator; then `receipt`, which the step holds, is of what upheld it.
    """

    amount: Money
    requester: RequesterId
    job_id: JobId | None = None
    receipt: Digest
    payment: EpochNumber | None = None
    step: StepPlace | None = None
    tx: TxHash | None = None


class AuditState(StrEnum):
    ASSIGNED = "assigned"
    SEALED = "sealed"
    CALLED = "called"
    REVEALED = "revealed"
    DECLINED = "declined"
    LAPSED = "lapsed"
    UPHELD = "upheld"
    OVERRULED = "overruled"
    PAID = "paid"


_S = AuditState
_V = Role.VERIFICATION

TRANSITIONS: Final[tuple[Move[AuditState], ...]] = (
    Move((), AuditAssigned, _S.ASSIGNED, _V),
    Move((_S.ASSIGNED,), AuditSealed, _S.SEALED, Role.VERIFIER),
    Move((_S.SEALED,), AuditCalled, _S.CALLED, _V),
    Move((_S.CALLED,), AuditRevealed, _S.REVEALED, Role.VERIFIER),
    Move((_S.ASSIGNED,), AuditDeclined, _S.DECLINED, Role.VERIFIER),
    Move((_S.ASSIGNED, _S.SEALED, _S.CALLED), AuditLapsed, _S.LAPSED, _V),
    Move((_S.REVEALED,), AuditUpheld, _S.UPHELD, _V),
    Move((_S.REVEALED,), AuditOverruled, _S.OVERRULED, _V),
    Move((_S.UPHELD,), AuditPaid, _S.PAID, Role.SETTLEMENT),
)

AUDIT_LIFE: Final = Life("audit", TRANSITIONS)
