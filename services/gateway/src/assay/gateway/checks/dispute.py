"""Of a dispute only its two parties speak, while it lasts."""

from assay.gateway.claim import Claim, Desk
from assay.schema.dispute import DisputeFact
from assay.schema.errors import Refused


async def check_dispute(claim: Claim, desk: Desk) -> None:
    """Raises Refused: dispute.unknown, dispute.over."""
    event = claim.event
    if not isinstance(event, DisputeFact):
        return
    held = desk.known.disputes.get(claim.about)
    if held is None or (held.provider, held.verifier) != (event.provider, event.verifier):
        raise Refused("dispute.unknown")
    if not held.is_open:
        raise Refused("dispute.over", f"It is {held.state}.")
