"""The provider must run this kind of work."""

from collections.abc import Mapping

from assay.matching.domain import Job
from assay.matching.offers import PASS, ListedOffer, Opinion, veto

OTHER = veto("kind.other")


def judge(job: Job, offer: ListedOffer, now_ms: int, excluded: Mapping[str, str]) -> Opinion:
    """A veto unless the offer names the kind."""
    return PASS if job.spec.kind in offer.kinds else OTHER
