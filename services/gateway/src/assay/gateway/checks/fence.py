"""Of a lease only the provider speaks to whom it was granted, under its fence, while it is open."""

from pydantic import BaseModel, ValidationError

from assay.gateway.claim import Claim, Desk
from assay.schema.errors import Refused


class Fenced(BaseModel):
    """As much of a lease's event as this check reads."""

    fence: int


async def check_fence(claim: Claim, desk: Desk) -> None:
    """Raises Refused: lease.unknown, fence.stale."""
    if not claim.type.startswith("lease."):
        return
    held = desk.known.leases.get(claim.about)
    if held is None or held.provider != claim.source:
        raise Refused("lease.unknown")
    try:
        fence = Fenced.model_validate_json(claim.data).fence
    except ValidationError:
        raise Refused("event.malformed", "fence: it is missing or no number.") from None
    if fence != held.fence or not held.is_open:
        raise Refused("fence.stale", f"The lease is {held.state or 'not known yet'}.")
