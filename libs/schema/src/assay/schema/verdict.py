"""The verdict: a verifier's finding on a lease, with the evidence that lets anyone check it again."""

from operator import not_
from typing import Annotated, Literal

from pydantic import Field

from assay.schema.event import Event
from assay.schema.values import (
    Code,
    Digest,
    EpochId,
    JobId,
    LeaseId,
    MethodName,
    Millis,
    ProviderId,
    RequesterId,
    Role,
    SegmentIndex,
    Value,
    VerdictId,
)


class Finding(Value):
    """What a method found for one segment: the state it came to itself, and how far the claimed one lies from it."""

    segment: SegmentIndex
    method: MethodName
    passed: bool
    code: Code
    expected: Digest | None = None
    claimed: Digest
    distance: float | None = None
    compute_ms: Millis = 0


class VerdictReached(Event, type="verdict.reached", by=Role.VERIFICATION, tells=("provider", "requester")):
    """Emitted when a lease is judged: by its epoch's audit, or at once by a free check that it fails (no epoch).

    `seed` is that of the epoch; `drawn` are those of its drawn segments that are this lease's, often none.
    """

    verdict_id: VerdictId
    lease_id: LeaseId
    job_id: JobId
    provider: ProviderId
    requester: RequesterId
    epoch_id: EpochId | None = Field(default=None, exclude_if=not_)
    outcome: Literal["passed", "rejected"]
    root: Digest
    block: Annotated[int, Field(ge=0)]
    seed: Digest
    drawn: tuple[SegmentIndex, ...]
    findings: tuple[Finding, ...]
    audit_ms: Annotated[int, Field(ge=0)]
    job_ms: Annotated[int, Field(ge=0)]
