"""The offer must stand."""

from collections.abc import Mapping

from assay.matching.domain import Job
from assay.matching.offers import PASS, ListedOffer, Opinion, veto

EXPIRED = veto("offer.expired")


def judge(job: Job, offer: ListedOffer, now_ms: int, excluded: Mapping[str, str]) -> Opinion:
    """A veto if the offer has expired."""
    return PASS if offer.expires_ms > now_ms else EXPIRED
