"""Somebody who can lose nothing is trusted with nothing; more stake behind a slot counts a little, up to a bound."""

from collections.abc import Mapping
from typing import Final

from assay.matching.domain import Job
from assay.matching.offers import ListedOffer, Opinion, veto

WEIGHT: Final = 20_000
FULL_STAKE: Final = 1_000 * 10**18
NONE = veto("stake.none")


def judge(job: Job, offer: ListedOffer, now_ms: int, excluded: Mapping[str, str]) -> Opinion:
    """A veto without stake; ten times a newcomer's stake behind each slot is worth a fiftieth of the price."""
    if offer.stake <= 0:
        return NONE
    return Opinion(min(offer.stake // offer.slots, FULL_STAKE) * WEIGHT // FULL_STAKE, "stake.high")
