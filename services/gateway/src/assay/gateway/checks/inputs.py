"""Every input of a job is in the blob store already."""

from assay.gateway.claim import Claim, Desk
from assay.schema.errors import Refused
from assay.schema.job import JobSubmitted


async def check_inputs(claim: Claim, desk: Desk) -> None:
    """Raises Refused: job.missing_input."""
    if isinstance(claim.event, JobSubmitted):
        for digest in claim.event.spec.inputs:
            if not await desk.blobs.has(digest):
                raise Refused("job.missing_input", f"{digest}.")
