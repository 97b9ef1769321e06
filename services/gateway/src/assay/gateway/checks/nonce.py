"""No statement comes in twice."""

from assay.gateway.claim import Claim, Desk
from assay.schema.errors import Refused


async def check_nonce(claim: Claim, desk: Desk) -> None:
    """Raises Refused: event.replayed."""
    if claim.id in desk.known.taken:
        raise Refused("event.replayed")
