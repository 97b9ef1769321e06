"""A machine that was challenged while it was idle must have shown that it is there."""

from assay.discovery.domain import Objection, Standing, Terms
from assay.schema.offer import UNPROVEN, Offer


def check(offer: Offer, standing: Standing, terms: Terms, now_ms: int) -> Objection | None:
    """The objection to an offer whose provider showed nothing, if any; a newcomer was not asked yet."""
    if standing.shown is None or standing.shown.units_per_s > 0:
        return None
    reason = (
        f"It showed no capacity when block {standing.shown.block} called; the next challenge that it answers counts."
    )
    return Objection(UNPROVEN, reason)
