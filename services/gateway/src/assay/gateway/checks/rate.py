"""No account sends more than its share."""

from assay.gateway.claim import Claim, Desk
from assay.schema.errors import Refused


async def check_rate(claim: Claim, desk: Desk) -> None:
    """Raises Refused: rate.exceeded."""
    if wait_s := desk.rates.take(claim.account, desk.now_ms):
        raise Refused("rate.exceeded", retry_after_s=wait_s)
