"""A job's spec is what its kind of work makes of its parameters."""

from assay.gateway.claim import Claim, Desk
from assay.gateway.plan import plan_of
from assay.proof.policy import is_checkable
from assay.schema.errors import Refused
from assay.schema.job import JobSubmitted


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
    if not is_checkable(event.spec.kind, event.spec.params, event.spec.policy):
        asked = event.spec.policy.method or "running it again"
        raise Refused("job.bad_params", f"policy.method: {asked} checks no work of this kind and form.")
