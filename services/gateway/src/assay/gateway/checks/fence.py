"""Of a lease only the provider speaks to whom it was granted, under its fence, while it is open.

What is owed for it, by vouchers, may be said until it is paid, or proven false.
"""

from pydantic import BaseModel, ValidationError

from assay.gateway.claim import Claim, Desk
from assay.gateway.domain import OF_LEASES
from assay.schema.errors import Refused
from assay.schema.voucher import VoucherPresented


class Fenced(BaseModel):
    """As much of a lease's event as this check reads."""

    fence: int


async def check_fence(claim: Claim, desk: Desk) -> None:
    """Raises Refused: lease.unknown, fence.stale."""
    if not claim.type.startswith(OF_LEASES):
        return
    held = desk.known.leases.get(claim.about)
    if held is None or held.provider != claim.source:
        raise Refused("lease.unknown")
    try:
        fence = Fenced.model_validate_json(claim.data).fence
    except ValidationError:
        raise Refused("event.malformed", "fence: it is missing or no number.") from None
    is_heard = held.is_owed if claim.type == VoucherPresented.type else held.is_open
    if fence != held.fence or not is_heard:
        raise Refused("fence.stale", f"The lease is {held.state or 'not known yet'}.")
