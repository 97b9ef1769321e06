"""What a commitment or the end of a lease must be to count: it carries on where the one before ended. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from assay.matching.domain import Ending, Job, open_lease
from assay.proof.commitment import BrokenChain, check_link, lease_root
from assay.schema.errors import Retry
from assay.schema.lease import LeaseCommitted, LeaseExecuted, ResumePoint
from assay.schema.values import NO_DIGEST


def commit(job: Job, said: LeaseCommitted) -> Job | Ending | None:
    """The job with one more segment committed; the lease's ending if it is false; None if it is known already.

    Raises Retry if a segment before it is still on the way.
    """
    lease = open_lease(job)
    if said.segment < lease.next_segment:
        return None
    if said.segment > lease.next_segment or not lease.is_started:
        raise Retry(f"Segment {lease.next_segment} of {said.lease_id} comes first.")
    fault = _fault(job, said)
    if fault:
        return Ending("commitment.broken", fault)
    point = ResumePoint(
        segment=said.segment, state=said.state_out, checkpoint=said.checkpoint, commitment=said.commitment
    )
    return replace(
        job, lease=replace(lease, next_segment=said.segment + 1, point=point, units=lease.units + said.units)
    )


def shortfall(job: Job, said: LeaseExecuted, leaves: Sequence[bytes]) -> Ending | None:
    """Why a lease that calls itself executed is not. Raises Retry if its last commitments are still on the way."""
    lease = open_lease(job)
    if lease.first_segment + said.segments != job.spec.segments:
        wanted = job.spec.segments - lease.first_segment
        return Ending("lease.incomplete", f"{said.segments} of {wanted} segments were run.")
    if len(leaves) < said.segments or not lease.is_started:
        raise Retry(f"{said.segments - len(leaves)} commitments of {said.lease_id} come first.")
    if said.root != lease_root(leaves):
        return Ending("lease.false_root", "The root is not that of the lease's commitments.")
    return None


def _fault(job: Job, said: LeaseCommitted) -> str | None:
    """Why no later lease could carry on from this commitment. Whether work stands behind it is for the audit to say."""
    lease = open_lease(job)
    point = lease.point or job.resume
    if said.segment >= job.spec.segments:
        return f"Segment {said.segment} is not in the plan of {job.spec.segments}."
    if said.units > job.spec.segment_units:
        return f"Segment {said.segment} claims {said.units} units of at most {job.spec.segment_units}."
    state, previous = (point.state, point.commitment) if point else (None, NO_DIGEST)
    try:
        check_link(said, job.spec_digest, said.segment, state, previous)
    except BrokenChain as error:
        return error.detail[:400]
    return None
