"""A slot must be free."""

from collections.abc import Mapping

from assay.matching.domain import Job
from assay.matching.offers import PASS, ListedOffer, Opinion, veto

TAKEN = veto("slots.taken")


def judge(job: Job, offer: ListedOffer, now_ms: int, excluded: Mapping[str, str]) -> Opinion:
    """A veto if every slot is taken."""
    return PASS if offer.taken < offer.slots else TAKEN
