"""An offer must name only kinds of work that the operator lists."""

from assay.discovery.domain import Objection, Standing, Terms, names
from assay.schema.offer import Offer


def check(offer: Offer, standing: Standing, terms: Terms, now_ms: int) -> Objection | None:
    """The objection to an offer's kinds of work, if any."""
    unknown = set(offer.kinds) - terms.kinds if terms.kinds else set()
    if not unknown:
        return None
    reason = f"It names {names(unknown)}; listed here: {names(terms.kinds)}."
    return Objection("offer.unknown_kind", reason[:400])
