"""Everyone says what is their role's to say, and says it of themselves."""

from assay.gateway.claim import Claim, Desk
from assay.schema.errors import Refused


async def check_role(claim: Claim, desk: Desk) -> None:
    """Raises Refused: event.unknown, event.forged."""
    role = desk.speaker(claim).role
    if claim.event.by is not role:
        raise Refused("event.unknown", f"{claim.type} is not a {role.value}'s to say.")
    if getattr(claim.event, role.value, None) != claim.source:
        raise Refused("event.forged", f"It names another {role.value}.")
