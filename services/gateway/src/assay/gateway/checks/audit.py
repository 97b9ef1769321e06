"""Of an audit only the verifier speaks who was drawn for it, while it lasts."""

from assay.gateway.claim import Claim, Desk
from assay.schema.audit import AuditFact
from assay.schema.errors import Refused


async def check_audit(claim: Claim, desk: Desk) -> None:
    """Raises Refused: audit.unknown, audit.over."""
    if not isinstance(claim.event, AuditFact):
        return
    held = desk.known.audits.get(claim.about)
    if held is None or held.verifier != claim.source:
        raise Refused("audit.unknown")
    if not held.is_open:
        raise Refused("audit.over", f"It is {held.state}.")
