"""An offer's claim must be covered by its provider's stake, so that a false claim costs more than a true one gains."""

from assay.discovery.domain import Objection, Standing, Terms, required_stake
from assay.schema.offer import Offer


def check(offer: Offer, standing: Standing, terms: Terms, now_ms: int) -> Objection | None:
    """The objection to the stake behind an offer, if any."""
    required = required_stake(offer)
    if standing.stake >= required:
        return None
    return Objection("offer.understaked", f"The stake is {standing.stake}, the claim needs {required}.")
