"""What a job brings along must not be more than the offer takes: nobody is paid for fetching it."""

from collections.abc import Mapping

from assay.matching.domain import Job
from assay.matching.offers import PASS, ListedOffer, Opinion, veto

LARGE = veto("inputs.too_large")


def judge(job: Job, offer: ListedOffer, now_ms: int, excluded: Mapping[str, str]) -> Opinion:
    """A veto if the inputs are larger than the offer takes."""
    return PASS if offer.input_bytes >= job.spec.requirements.input_bytes else LARGE
