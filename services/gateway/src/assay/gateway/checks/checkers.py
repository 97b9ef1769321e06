"""A job can be checked by many: by what it demands of machines its requester does not choose its own judges."""

from assay.gateway.claim import Claim, Desk
from assay.proof.policy import checkers_needed
from assay.schema.errors import Refused
from assay.schema.job import JobSubmitted


async def check_checkers(claim: Claim, desk: Desk) -> None:
    """Raises Refused: job.unverifiable."""
    event = claim.event
    if not isinstance(event, JobSubmitted):
        return
    able, there = await desk.verifiers.able(event.spec, desk.now_ms)
    if able < (needed := checkers_needed(there)):
        raise Refused("job.unverifiable", f"{able} of {there} verifiers can check it; {needed} are needed.")
