"""The machine must stand where the requester allows it."""

from collections.abc import Mapping

from assay.matching.domain import Job
from assay.matching.offers import PASS, ListedOffer, Opinion, veto

OTHER = veto("region.other")


def judge(job: Job, offer: ListedOffer, now_ms: int, excluded: Mapping[str, str]) -> Opinion:
    """A veto if the offer is of another region."""
    regions = job.spec.requirements.regions
    return PASS if not regions or offer.region in regions else OTHER
