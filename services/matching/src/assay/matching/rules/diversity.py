"""Work is spread: of two alike the one with fewer open leases is better, so that no outage takes all."""

from collections.abc import Mapping
from typing import Final

from assay.matching.domain import Job
from assay.matching.offers import ListedOffer, Opinion

WEIGHT: Final = 50_000


def judge(job: Job, offer: ListedOffer, now_ms: int, excluded: Mapping[str, str]) -> Opinion:
    """The less of the offer is taken the better, worth a twentieth of the price."""
    return Opinion(WEIGHT // (1 + offer.taken), "supply.diverse")
