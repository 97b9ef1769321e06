"""The job must fit the memory of a slot."""

from collections.abc import Mapping

from assay.matching.domain import Job
from assay.matching.offers import PASS, ListedOffer, Opinion, veto

SMALL = veto("memory.too_small")


def judge(job: Job, offer: ListedOffer, now_ms: int, excluded: Mapping[str, str]) -> Opinion:
    """A veto if the memory is too small."""
    return PASS if offer.memory_bytes >= job.spec.requirements.memory_bytes else SMALL
