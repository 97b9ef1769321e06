"""The account has access, and is bound to the id that signed."""

from assay.gateway.claim import Claim, Desk
from assay.schema.errors import Refused


async def check_status(claim: Claim, desk: Desk) -> None:
    """Raises Refused: speaker.unknown, speaker.revoked."""
    if desk.speaker(claim).participant != claim.source:
        raise Refused("speaker.unknown", "This account is not bound to the id that signed.")
