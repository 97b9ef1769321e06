"""A provider whose leases were proven false or dropped too often is not listed, whatever it stakes."""

from typing import Final

from assay.discovery.domain import Objection, Standing, Terms
from assay.schema.offer import Offer

# A newcomer falls below it with its third rejected lease, a provider of a hundred good ones with its forty-eighth;
# a newcomer that finishes nothing, with the forty-first that it drops.
REPUTATION_MIN: Final = 100_000


def check(offer: Offer, standing: Standing, terms: Terms, now_ms: int) -> Objection | None:
    """The objection to an offer's provider, if any."""
    if standing.reputation >= REPUTATION_MIN:
        return None
    return Objection(
        "offer.distrusted",
        f"{standing.rejected} leases of this provider were proven false, and {standing.dropped} dropped that others "
        f"finished: its reputation is {standing.reputation}, {REPUTATION_MIN} parts per million are needed.",
    )
