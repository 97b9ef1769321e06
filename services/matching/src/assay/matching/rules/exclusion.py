"""A provider that let a lease of this job lapse, was proven false in it, or is silent now, does not get it."""

from collections.abc import Mapping

from assay.matching.domain import Job
from assay.matching.offers import PASS, ListedOffer, Opinion, veto


def judge(job: Job, offer: ListedOffer, now_ms: int, excluded: Mapping[str, str]) -> Opinion:
    """A veto with the reason why the provider is out of the question."""
    return veto(excluded[offer.provider]) if offer.provider in excluded else PASS
