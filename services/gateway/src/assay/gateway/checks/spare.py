"""Of a spare only the provider speaks that keeps warm, while it is one."""

from assay.gateway.claim import Claim, Desk
from assay.schema.errors import Refused
from assay.schema.spare import SpareFact, SpareState


async def check_spare(claim: Claim, desk: Desk) -> None:
    """Raises Refused: spare.unknown, spare.over."""
    event = claim.event
    if not isinstance(event, SpareFact):
        return
    held = desk.known.spares.get(claim.about)
    if held is None or (held.provider, held.job_id) != (claim.source, event.job_id):
        raise Refused("spare.unknown")
    if held.state == SpareState.ENDED:
        raise Refused("spare.over")
