"""A job's spec is what its kind of work makes of its parameters."""

from assay.gateway.claim import Claim, Desk
from assay.gateway.plan import plan_of
from assay.proof.policy import is_checkable
from assay.schema.epoch import DRAWN_MAX
from assay.schema.errors import Refused
from assay.schema.job import JobSpec, JobSubmitted
from assay.schema.values import AUDIT_SEGMENTS, MEMORY_BYTES_ANY


async def check_work(claim: Claim, desk: Desk) -> None:
    """Raises Refused: job.unknown_kind, job.bad_params."""
    event = claim.event
    if not isinstance(event, JobSubmitted):
        return
    plan = plan_of(event.spec.kind, event.spec.params)
    for field in ("segments", "segment_units", "inputs"):
        if getattr(event.spec, field) != getattr(plan, field):
            raise Refused("job.bad_params", f"{field}: this kind makes it {getattr(plan, field)}.")
    if plan.requirements.get("gpu") and not event.spec.requirements.gpu:
        raise Refused("job.bad_params", "requirements.gpu: this work is done by a GPU alone.")
    needed = plan.requirements.get("memory_bytes", 0)
    if needed > max(MEMORY_BYTES_ANY, event.spec.requirements.memory_bytes):
        raise Refused("job.bad_params", f"requirements.memory_bytes: this work needs {needed}.")
    if not is_checkable(event.spec.kind, event.spec.params, event.spec.policy):
        asked = event.spec.policy.method or "running it again"
        raise Refused("job.bad_params", f"policy.method: {asked} checks no work of this kind and form.")
    if event.spec.reaches:
        check_reaching(event.spec)


def check_reaching(spec: JobSpec) -> None:
    """Raises Refused: job.bad_params unless all of what reaches hosts is to be answered by several at once.

    What they find elsewhere at another time proves nobody false, so nothing is slashed for it; where nothing deters,
    nothing may go unseen.
    """
    if not spec.policy.is_replicated:
        raise Refused("job.bad_params", "policy.method: what reaches hosts is ordered by replication.")
    if spec.segments > DRAWN_MAX:
        raise Refused("job.bad_params", f"segments: what reaches hosts has {DRAWN_MAX} at most.")
    all_ = max(spec.segments, AUDIT_SEGMENTS + 1)
    if spec.policy.audit_segments < all_:
        raise Refused("job.bad_params", f"policy.audit_segments: what reaches hosts has all drawn, {all_}.")
