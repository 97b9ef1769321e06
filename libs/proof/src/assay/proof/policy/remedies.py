"""What to do where an epoch is too small for its proof, or too little stands behind it."""

from collections.abc import Iterator
from dataclasses import replace

from assay.proof.economics import MILLION, ceil_div, draws_for, stake_to_deter
from assay.proof.policy.plan import Candidate, Remedy
from assay.proof.policy.pricing import ATTESTED_MIN_PPM, cost_of
from assay.proof.policy.terms import Budget, Classes, Reputation, Terms
from assay.proof.policy.tiers import Tier

SEGMENTS_MAX = 1 << 40


def segments_min(tier: Tier, terms: Terms, reputation: Reputation, classes: Classes, budget: Budget) -> int | None:
    """The least segments of an epoch at which its proof is within the budget; None if it is at no size."""
    whole = draws_for(terms.falsified_ppm / MILLION, terms.detection_ppm / MILLION, tier.missed_ppm / MILLION)
    k = max(ceil_div(whole * max(classes.attested_ppm, ATTESTED_MIN_PPM), MILLION), reputation.draws_min)
    low, high = 1, SEGMENTS_MAX
    if tier.checks_all or cost_of(tier, replace(terms, segments=high), k).total > budget.share_ppm:
        return None
    while low < high:
        middle = (low + high) // 2
        if cost_of(tier, replace(terms, segments=middle), k).total <= budget.share_ppm:
            high = middle
        else:
            low = middle + 1
    return low


def remedies_of(
    chosen: Candidate, tier: Tier, terms: Terms, reputation: Reputation, classes: Classes, budget: Budget
) -> Iterator[Remedy]:
    """The ways out, the cheapest for the provider first."""
    if chosen.cost.total > budget.share_ppm:
        least = segments_min(tier, terms, reputation, classes, budget)
        if least is not None:
            yield Remedy("pool", f"Keep the epoch open, and its pay waiting, until it holds {least} segments.", least)
            epochs = ceil_div(least, terms.segments)
            yield Remedy("lengthen", f"Or make epochs {epochs} times as long.", epochs)
        excess = ceil_div(terms.pay * (chosen.cost.total - budget.share_ppm), MILLION)
        yield Remedy("self_pay", f"Or the provider pays {excess} for its own audits, out of this pay.", excess)
    needed = stake_to_deter(chosen.k, terms.pay, terms.saved_ppm, tier.missed_ppm, budget.margin)
    if needed > terms.stake:
        more = needed - terms.stake
        yield Remedy("stake", f"Raise stake or pay by {more}, so that falsifying everything loses.", more)
