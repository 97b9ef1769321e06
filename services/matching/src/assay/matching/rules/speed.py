"""The sooner the result, the better."""

from collections.abc import Mapping
from typing import Final

from assay.matching.domain import Job
from assay.matching.offers import PASS, ListedOffer, Opinion

WEIGHT: Final = 50_000


def judge(job: Job, offer: ListedOffer, now_ms: int, excluded: Mapping[str, str]) -> Opinion:
    """The share of the time to the deadline that the measured speed would leave, worth a twentieth of the price."""
    left_ms = job.deadline_ms - now_ms
    if offer.units_per_s <= 0 or left_ms <= 0:
        return PASS
    needed_ms = job.units_left * 1_000 // offer.units_per_s
    return Opinion(max(0, left_ms - needed_ms) * WEIGHT // left_ms, "speed.high")
