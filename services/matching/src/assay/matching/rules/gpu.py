"""A job that needs a GPU gets one."""

from collections.abc import Mapping

from assay.matching.domain import Job
from assay.matching.offers import PASS, ListedOffer, Opinion, veto

MISSING = veto("gpu.missing")


def judge(job: Job, offer: ListedOffer, now_ms: int, excluded: Mapping[str, str]) -> Opinion:
    """A veto if a GPU is needed and not offered."""
    return MISSING if job.spec.requirements.gpu and not offer.gpu else PASS
