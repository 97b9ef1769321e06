"""No event is larger than the limit."""

from assay.gateway.claim import Claim, Desk
from assay.schema.errors import Refused
from assay.schema.event import EVENT_BYTES_MAX

HEADER_BYTES_MAX = 4096


async def check_size(claim: Claim, desk: Desk) -> None:
    """Raises Refused: event.oversized."""
    if len(claim.data) > EVENT_BYTES_MAX:
        raise Refused("event.oversized", f"{len(claim.data)} of at most {EVENT_BYTES_MAX} bytes.")
    headers = sum(len(name) + len(value) for name, value in claim.headers.items())
    if headers > HEADER_BYTES_MAX:
        raise Refused("event.oversized", f"{headers} of at most {HEADER_BYTES_MAX} bytes of headers.")
