"""What an order asks of its proof beyond its provider's epoch, and pays for itself: extra segments, several answers.

The treasury gets a hundredth of what work costs, so it can pay for the epoch's own draw alone. Whoever wants more
pays each answer in full, whatever the answer is; what it may come to is held in the price limit, and what was not
needed goes back.
"""

from typing import Final

from assay.proof.economics import MILLION, ceil_div
from assay.proof.policy.used import is_checkable, tiers_of
from assay.schema.job import JobSpec
from assay.schema.values import AUDIT_SEGMENTS, Policy, cost_of

FURTHER: Final = 2
"""So many more verifiers are asked, one after the other, where those asked at once do not agree."""
DECLINES_MIN: Final = 3
"""A drawn segment is given up once all verifiers that could be asked have declined it, and so many at least."""
DECLINES_EACH: Final = 2
"""So often each of them declines then: once may be an accident of its machine."""
DECLINES_MAX: Final = 9
"""So many verifiers that have declined are enough, however many are left: each has run it for nothing."""


def answers_max(policy: Policy) -> int:
    """The most answers to one drawn segment that the order pays for."""
    return policy.replicas + FURTHER if policy.is_replicated else 1


def ordered_max(spec: JobSpec) -> int:
    """The most answers that the order pays for: to each segment it has drawn besides, to every one by replication."""
    if spec.policy.is_replicated:
        return spec.segments * answers_max(spec.policy)
    return min(spec.policy.audit_segments, spec.segments) if is_extra(spec.policy) else 0


def is_extra(policy: Policy) -> bool:
    """Whether an order has segments drawn besides those of its provider's epoch."""
    return policy.audit_segments > AUDIT_SEGMENTS


def ordered_units(spec: JobSpec) -> int:
    """The units of work that these answers may cost as much as."""
    return ordered_max(spec) * ceil_div(spec.segment_units * paid_ppm(spec), MILLION)


def paid_ppm(spec: JobSpec) -> int:
    """What an answer about a segment earns of the segment's price: what its check costs, and all of it at most.

    That is the cost of the method that the order asks for; by replication each does what the work's own method does.
    """
    is_own = spec.policy.is_replicated or not is_checkable(spec.kind, spec.params, spec.policy)
    tiers = tiers_of(spec.kind, spec.params, None if is_own else spec.policy)
    return min(MILLION, *(tier.audit_ppm for tier in tiers))


def full_fee(spec: JobSpec, mega_unit_price: int) -> int:
    """What an answer about one segment is worth, in base units: as much of its price as the method costs."""
    return cost_of(ceil_div(spec.segment_units * paid_ppm(spec), MILLION), mega_unit_price)


def fund_fee(spec: JobSpec, mega_unit_price: int, fees: int, answers: int) -> int:
    """What an answer earns that the fund pays: its part of the epoch's `fees`, shared by so many, at most its worth."""
    return min(full_fee(spec, mega_unit_price), fees // max(answers, 1))
