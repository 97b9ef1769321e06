"""The data fits its schema, and the subject says what the data says."""

from assay.gateway.claim import Claim, Desk
from assay.schema.errors import Refused
from assay.schema.event import PREFIX

# No table of a service can hold this character in a text.
ZERO = b"\\u0000"


async def check_schema(claim: Claim, desk: Desk) -> None:
    """Raises Refused: event.unknown, event.malformed."""
    if claim.headers.get("ce-type") != f"{PREFIX}.{claim.type}":
        raise Refused("event.malformed", "header: ce-type is not what the subject says.")
    if ZERO in claim.data:
        raise Refused("event.malformed", "body: a text holds a zero character.")
    if claim.event.about != claim.about:
        raise Refused("event.malformed", "body: its id is not the one in the subject.")
