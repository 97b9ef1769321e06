"""A job's order can be charged: it is signed for these very terms."""

from assay.gateway.claim import Claim, Desk
from assay.proof.order import check_order
from assay.schema.job import JobSubmitted


async def check_order_signed(claim: Claim, desk: Desk) -> None:
    """Raises Refused: job.bad_order."""
    if isinstance(claim.event, JobSubmitted):
        check_order(claim.event, desk.domain)
