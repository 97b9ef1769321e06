"""Data that stay with their provider are worked on there, or nowhere."""

from collections.abc import Mapping

from assay.matching.domain import Job
from assay.matching.offers import PASS, ListedOffer, Opinion, veto

ELSEWHERE = veto("data.elsewhere")


def judge(job: Job, offer: ListedOffer, now_ms: int, excluded: Mapping[str, str]) -> Opinion:
    """A veto unless the offer holds the data set that the job is on, if it is on one."""
    data = job.spec.requirements.data
    return PASS if data is None or data in offer.data else ELSEWHERE
