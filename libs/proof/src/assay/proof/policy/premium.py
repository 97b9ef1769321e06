"""Premium coverage: a requester buys more samples in its own job, against what saved compute does not deter.

One poisoned segment of a job can be worth more to its maker than all that cheating saves; no stake bounds that. Only
coverage does: m of the job's n segments are drawn on top, with a seed of their own, and paid by the requester.
"""

from dataclasses import dataclass

from assay.proof.economics import MILLION, draws_to_find, found_among
from assay.proof.policy.tiers import Tier


@dataclass(frozen=True, slots=True)
class Premium:
    """What so many samples more cost in base units, and with what chance one of `poisoned` false segments is found."""

    samples: int
    price: int
    poisoned: int
    detection_ppm: int


def quote_premium(tier: Tier, segments: int, sample_price: int, poisoned: int, detection_ppm: int) -> Premium:
    """The least samples of a job's segments that find one of `poisoned` with that chance, and their price."""
    samples = draws_to_find(segments, poisoned, detection_ppm, tier.missed_ppm)
    found = found_among(segments, poisoned, samples, tier.missed_ppm / MILLION)
    return Premium(samples, samples * sample_price, poisoned, int(found * MILLION))
