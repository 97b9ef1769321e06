"""Who let a lease of this job lapse, was proven false in it, is silent now, or is to be avoided, does not get it."""

from collections.abc import Mapping

from assay.matching.domain import Job
from assay.matching.offers import PASS, ListedOffer, Opinion, veto

AVOIDED = veto("provider.avoided")


def judge(job: Job, offer: ListedOffer, now_ms: int, excluded: Mapping[str, str]) -> Opinion:
    """A veto with the reason why the provider is out of the question."""
    if offer.provider in excluded:
        return veto(excluded[offer.provider])
    return AVOIDED if offer.provider in job.spec.requirements.avoid else PASS
