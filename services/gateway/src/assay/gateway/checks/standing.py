"""A job is submitted once, and withdrawn by whoever submitted it while it lasts."""

from typing import Final

from assay.gateway.claim import Claim, Desk
from assay.schema.errors import Refused
from assay.schema.job import JobSubmitted, JobWithdrawn
from assay.schema.lease import LeaseFact

TAKEN: Final = "A job with this id is in already."


async def check_standing(claim: Claim, desk: Desk) -> None:
    """Raises Refused: job.bad_order, job.unknown, job.over, lease.unknown."""
    event, known = claim.event, desk.known
    if isinstance(event, JobSubmitted) and event.job_id in known.jobs:
        raise Refused("job.bad_order", TAKEN)
    if isinstance(event, LeaseFact) and event.job_id != known.leases[event.lease_id].job_id:
        raise Refused("lease.unknown", "The lease is of another job.")
    if isinstance(event, JobWithdrawn):
        job = known.jobs.get(event.job_id)
        if job is None or job.requester != event.requester:
            raise Refused("job.unknown")
        if not job.is_alive:
            raise Refused("job.over", f"It is {job.state}.")
