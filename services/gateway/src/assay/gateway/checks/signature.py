"""Headers and bytes are signed by the id that they name; checked before the data is parsed."""

from assay.gateway.claim import Claim, Desk
from assay.proof.statement import check_raw


async def check_signature(claim: Claim, desk: Desk) -> None:
    """Raises Refused: event.unsigned, event.forged, event.malformed."""
    check_raw(claim.headers, claim.data, desk.domain)
