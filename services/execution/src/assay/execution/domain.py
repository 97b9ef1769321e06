"""What a provider says of a lease: pure steps from one committed segment to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Final

from pydantic import ValidationError

from assay.proof.commitment import chain, leaf, lease_root
from assay.proof.order import spec_digest
from assay.schema.attestation import PresentedReport
from assay.schema.errors import Reject
from assay.schema.job import JobSpec
from assay.schema.lease import (
    METRICS_MAX,
    NAME_MAX,
    LeaseCommitted,
    LeaseExecuted,
    LeaseFact,
    LeaseFailed,
    LeaseGranted,
    LeaseProgressed,
    LeaseReleased,
    LeaseStarted,
)
from assay.schema.offer import OfferAnnounced
from assay.schema.values import NO_DIGEST, Capacity, Digest, HeldData, derive_id

Ending = LeaseExecuted | LeaseFailed | LeaseReleased
LOST = ("fence.stale", "lease.unknown", "job.over")


@dataclass(frozen=True, slots=True)
class Closed:
    """What the worker knows of a segment that its child has closed and whose checkpoint is in the blob store."""

    segment: int
    state_out: Digest
    checkpoint: Digest
    units: int
    compute_ms: int
    metrics: dict[str, float]
    machine: Digest | None = None
    code: Digest | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """How far a lease has come: the segment that comes next, and the state and commitment that it follows."""

    granted: LeaseGranted
    segment: int
    state: Digest
    commitment: Digest
    leaves: tuple[bytes, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether every segment of the job is committed."""
        return self.segment == self.granted.spec.segments


class PlanMismatch(Reject):
    """The job's cut into segments is not the one that its kind makes of its parameters."""

    code = "job.bad_params"
    advice = "Submit it again with the client, which makes the plan."


class FalseCheckpoint(Reject):
    """What an earlier provider left of the job is not what it committed to, so nobody can carry it on."""

    code = "job.false_checkpoint"
    advice = "Submit it again; who committed to the checkpoint answers for it."


KEPT_BACK: Final = "The job is sealed, so its code alone is told."
FAILED: Final = {"blob.missing": "job.missing_input", "blob.unopened": FalseCheckpoint.code}
"""What a job fails by whose blob was refused so."""


def begin(granted: LeaseGranted, state: Digest) -> Course:
    """The course of a lease before its first segment, from the start state or the resume point.

    Raises FalseCheckpoint if the state is not the one to resume from.
    """
    resume = granted.resume
    if resume is None:
        return Course(granted, 0, state, NO_DIGEST)
    if state != resume.state:
        raise FalseCheckpoint(f"The checkpoint to resume from has the state {state}, not {resume.state}.")
    return Course(granted, resume.segment + 1, state, resume.commitment)


def commit(course: Course, closed: Closed) -> tuple[Course, LeaseCommitted]:
    """The course after a closed segment, and the statement that commits to it."""
    granted = course.granted
    this_leaf = leaf(
        lease_id=granted.lease_id,
        job_id=granted.job_id,
        provider=granted.provider,
        fence=granted.fence,
        spec_digest=spec_digest(granted.spec),
        segment=closed.segment,
        state_in=course.state,
        state_out=closed.state_out,
        checkpoint=closed.checkpoint,
        units=closed.units,
    )
    commitment = chain(course.commitment, this_leaf)
    said = LeaseCommitted(
        **fact(granted),
        segment=closed.segment,
        state_in=course.state,
        state_out=closed.state_out,
        checkpoint=closed.checkpoint,
        units=closed.units,
        previous=course.commitment,
        commitment=commitment,
        compute_ms=closed.compute_ms,
        metrics=first_of(closed.metrics),
        machine=closed.machine,
        code=closed.code,
    )
    after = replace(
        course,
        segment=closed.segment + 1,
        state=closed.state_out,
        commitment=commitment,
        leaves=(*course.leaves, this_leaf),
    )
    return after, said


def recall(granted: LeaseGranted, commits: list[LeaseCommitted]) -> Course | None:
    """The course after what the journal says was committed before a crash; None if nothing was."""
    if not commits:
        return None
    course = Course(granted, commits[0].segment, commits[0].state_in, commits[0].previous)
    for c in commits:
        closed = Closed(c.segment, c.state_out, c.checkpoint, c.units, c.compute_ms, c.metrics)
        course, _ = commit(course, closed)
    return course


def started(granted: LeaseGranted) -> LeaseStarted:
    """The statement that work has begun."""
    return LeaseStarted(**fact(granted))


def progressed(
    granted: LeaseGranted, segment: int, done: int, total: int, metrics: dict[str, float]
) -> LeaseProgressed:
    """The statement that a segment is so far, which binds nobody."""
    return LeaseProgressed(**fact(granted), segment=segment, done=done, total=total, metrics=first_of(metrics))


def first_of(metrics: Mapping[str, float]) -> dict[str, float]:
    """What a child has measured, as it can be said: of very many measurements the first."""
    told = {name: value for name, value in metrics.items() if len(name) <= NAME_MAX and isfinite(value)}
    return dict(list(told.items())[:METRICS_MAX])


def executed(course: Course, result: Digest) -> LeaseExecuted:
    """The statement that closes a lease: its root and the result."""
    return LeaseExecuted(
        **fact(course.granted), segments=len(course.leaves), root=lease_root(course.leaves), result=result
    )


def failed(granted: LeaseGranted, code: str, reason: str) -> LeaseFailed:
    """The statement that the job itself cannot be done."""
    return LeaseFailed(**fact(granted), code=code, reason=told(granted, reason))


def released(granted: LeaseGranted, reason: str, code: str | None = None) -> LeaseReleased:
    """The statement that the provider leaves by plan, or, with a code, that its machine fails at the job."""
    return LeaseReleased(**fact(granted), reason=told(granted, reason) if code else reason, code=code)


def told(granted: LeaseGranted, reason: str) -> str:
    """What everybody may read of why a job failed: a program's last words may be what is sealed."""
    return KEPT_BACK if granted.spec.seal else reason[:400]


def own_fault(error: ValidationError | Reject | OSError) -> tuple[str, str]:
    """What befell a lease that is this machine's own fault: its disk, or a child that says what no honest one does.

    An honest child says nothing that makes an event that is none, and no more tokens than it was let.
    """
    if isinstance(error, OSError):
        return f"{error.strerror or error}", "worker.disk"
    return error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.detail, "sandbox.garbled"


def fact(granted: LeaseFact) -> dict[str, str | int]:
    """What every statement of a lease names."""
    return {
        "lease_id": granted.lease_id,
        "job_id": granted.job_id,
        "provider": granted.provider,
        "fence": granted.fence,
    }


def check_plan(spec: JobSpec, plan: list[int]) -> None:
    """Raises PlanMismatch unless the job's segments are the plan of its kind."""
    if len(plan) != spec.segments or any(units != spec.segment_units for units in plan):
        raise PlanMismatch(f"The kind {spec.kind} makes {len(plan)} segments of {plan[0] if plan else 0} units.")


def offer(
    provider: str,
    sequence: int,
    kinds: tuple[str, ...],
    capacity: Capacity,
    region: str,
    mega_unit_price: int,
    expires_ms: int,
    attestation: PresentedReport | None = None,
    data: tuple[HeldData, ...] = (),
    spare: bool = False,
    egress: bool = False,
) -> OfferAnnounced:
    """The provider's standing offer; its id stays the same, a later sequence replaces an earlier one."""
    return OfferAnnounced(
        offer_id=derive_id("f", provider),
        provider=provider,
        sequence=sequence,
        kinds=kinds,
        capacity=capacity,
        region=region,
        mega_unit_price=mega_unit_price,
        expires_ms=expires_ms,
        attestation=attestation,
        data=data,
        spare=spare,
        egress=egress,
    )
