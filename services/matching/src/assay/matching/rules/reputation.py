"""The provider's record must be as good as the requester asks; the better the better."""

from collections.abc import Mapping
from typing import Final

from assay.matching.domain import Job
from assay.matching.offers import ListedOffer, Opinion, veto

WEIGHT: Final = 100_000
LOW = veto("reputation.too_low")


def judge(job: Job, offer: ListedOffer, now_ms: int, excluded: Mapping[str, str]) -> Opinion:
    """A veto below the least reputation asked for; a perfect record is worth a tenth of the price."""
    if offer.reputation < job.spec.requirements.reputation_min:
        return LOW
    return Opinion(offer.reputation * WEIGHT // 1_000_000, "reputation.high")
