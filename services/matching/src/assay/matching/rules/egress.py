"""Programs that reach hosts are run only where their provider lets them."""

from collections.abc import Mapping

from assay.matching.domain import Job
from assay.matching.offers import PASS, ListedOffer, Opinion, veto

CLOSED = veto("egress.closed")


def judge(job: Job, offer: ListedOffer, now_ms: int, excluded: Mapping[str, str]) -> Opinion:
    """A veto if the work reaches hosts, and the offer lets none."""
    return CLOSED if job.spec.reaches and not offer.egress else PASS
