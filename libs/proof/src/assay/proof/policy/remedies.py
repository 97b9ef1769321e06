"""What to do where an epoch is too small for its proof, or too little stands behind it."""

from collections.abc import Iterator
from dataclasses import replace

from assay.proof.economics import MILLION, ceil_div, draws_for, stake_to_deter
from assay.proof.policy.plan import Candidate, Remedy
from assay.proof.policy.pricing import ATTESTED_MIN_PPM, cost_of
from assay.proof.policy.terms import BUDGET, MACHINES, Budget, Classes, Reputation, Terms
from assay.proof.policy.tiers import Numerics, Tier, Work

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


def segments_needed(
    work: Work, numerics: Numerics, tiers: tuple[Tier, ...], reputation: Reputation, budget: Budget = BUDGET
) -> int:
    """The least segments of an epoch at which such work is proven within the budget; 1 if no size is large enough."""
    admitted = (tier for tier in tiers if work in tier.work and numerics in tier.numerics)
    terms = Terms(SEGMENTS_MAX, pay=1, stake=0, work=work, numerics=numerics)
    found = (segments_min(tier, terms, reputation, MACHINES, budget) for tier in admitted)
    return min((least for least in found if least is not None), default=1)


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
