"""The segments left, and the audits of an order, must fit what is left of the price limit; the cheaper the better.

The score counts halvings, so that a tenth off is worth the same whether the limit was set tight or loose.
"""

from collections.abc import Mapping
from typing import Final

from assay.matching.domain import Job
from assay.matching.offers import ListedOffer, Opinion, veto
from assay.schema.values import cost_of

# A price half as high is worth this much: the unit that the other rules weigh themselves against.
WEIGHT: Final = 1_000_000
FRACTION_BITS: Final = 20
ABOVE = veto("price.above_limit")


def judge(job: Job, offer: ListedOffer, now_ms: int, excluded: Mapping[str, str]) -> Opinion:
    """A veto above the budget, else how often the price would have to double to reach it."""
    cost = cost_of(job.units_billed, offer.mega_unit_price)
    if cost > job.budget:
        return ABOVE
    ratio = ((job.budget + 1) << FRACTION_BITS) // (cost + 1)
    return Opinion(log2(ratio) * WEIGHT >> FRACTION_BITS, "price.low")


def log2(ratio: int) -> int:
    """The binary logarithm of a fixed-point number of at least 1, as one: straight lines between the powers of two.

    In integers, for its order must be the same on every machine; it rises strictly and is wrong by 0.09 at most.
    """
    whole = ratio.bit_length() - 1
    line = (ratio << FRACTION_BITS >> whole) - (1 << FRACTION_BITS)
    return (whole - FRACTION_BITS << FRACTION_BITS) + line
