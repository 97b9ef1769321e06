"""A job's terms can be kept: there is time left, and such a machine may exist."""

from typing import Final

from assay.gateway.claim import Claim, Desk
from assay.schema.errors import Refused
from assay.schema.job import JobSubmitted

# A hold, matching and one segment take longer than this on any network.
NOTICE_MS: Final = 1_000
# More than any one machine has.
MEMORY_BYTES_MAX: Final = 2**44


async def check_terms(claim: Claim, desk: Desk) -> None:
    """Raises Refused: job.past_deadline, job.impossible."""
    event = claim.event
    if not isinstance(event, JobSubmitted):
        return
    if event.deadline_ms < desk.now_ms + NOTICE_MS:
        raise Refused("job.past_deadline")
    if event.spec.requirements.memory_bytes > MEMORY_BYTES_MAX:
        raise Refused("job.impossible", f"memory_bytes: at most {MEMORY_BYTES_MAX}.")
