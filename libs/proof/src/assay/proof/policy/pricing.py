"""What a tier costs in an epoch: how many draws it needs, and the parts of its price."""

from typing import Final

from assay.proof.economics import MILLION, ceil_div, draws_among, draws_to_deter, is_deterred
from assay.proof.policy.plan import Candidate, Cost
from assay.proof.policy.terms import SHOWN, Budget, Classes, Confidentiality, Reputation, Terms
from assay.proof.policy.tiers import Numerics, Opens, Tier

PLANTED_PPM: Final = 52_632
"""Planted audits for each drawn one: of all that a verifier gets, one in twenty has an answer that is known."""
DISPUTE_SEGMENTS: Final = 4
"""Segments of work in one dispute: two more audits, the provider's traced run, and what the court does."""
DISPUTED_PPM: Final = 50_000
"""Share of epochs for whose dispute something is set aside."""
ATTESTED_MIN_PPM: Final = 500_000


def draws(tier: Tier, terms: Terms, reputation: Reputation, classes: Classes, margin: int) -> int:
    """The draws of an epoch: enough to find, enough to deter, and no fewer than a newcomer gets.

    Where pay and stake cannot deter, those that find are all there is; the plan then does not deter.
    """
    if tier.checks_all:
        return terms.segments
    to_find = draws_among(terms.segments, terms.falsified_ppm, terms.detection_ppm, tier.missed_ppm)
    attested = ceil_div(to_find * max(classes.attested_ppm, ATTESTED_MIN_PPM), MILLION)
    to_deter = draws_to_deter(terms.pay, terms.stake, terms.saved_ppm, tier.missed_ppm, margin) or 1
    return min(terms.segments, max(attested, to_deter, reputation.draws_min))


def cost_of(tier: Tier, terms: Terms, k: int) -> Cost:
    """What `k` audits of this tier cost, and what is set aside."""
    of_epoch = 0 if tier.checks_all else k
    slow = 0 if terms.numerics is Numerics.EXACT and tier.name == "exact" else tier.slow_ppm
    return Cost(
        audits=ceil_div(of_epoch * tier.audit_ppm, terms.segments),
        challenged=ceil_div(of_epoch * tier.challenged_ppm, terms.segments),
        planted=ceil_div(of_epoch * tier.audit_ppm * PLANTED_PPM, terms.segments * MILLION),
        commitments=terms.commit_ppm,
        slow=slow,
        reserve=ceil_div(DISPUTED_PPM * DISPUTE_SEGMENTS, terms.segments),
    )


def candidate(
    tier: Tier,
    terms: Terms,
    reputation: Reputation,
    classes: Classes,
    confidentiality: Confidentiality,
    budget: Budget,
) -> Candidate:
    """The tier's row of the table."""
    k = draws(tier, terms, reputation, classes, budget.margin)
    opened = k * {Opens.STATE: terms.state_bytes, Opens.TRACE: terms.trace_bytes}.get(tier.opens, 0)
    against = tuple(
        sentence
        for sentence, is_against in (
            (f"It is not for {terms.work}.", terms.work not in tier.work),
            (f"It is not for {terms.numerics}.", terms.numerics not in tier.numerics),
            (f"It shows more than {confidentiality}.", tier.opens > SHOWN[confidentiality]),
            (f"It takes {tier.owners_min} owners of the class.", classes.owners < tier.owners_min),
            ("There is no calibration.", tier.needs_calibration and not classes.is_calibrated),
            (f"It ships {opened} bytes.", opened > budget.link_bytes),
        )
        if is_against
    )
    deters = is_deterred(k, terms.pay, terms.stake, terms.saved_ppm, tier.missed_ppm, budget.margin)
    cost = cost_of(tier, terms, k)
    return Candidate(tier.name, tier.check, k, tier.missed_ppm, cost, tier.opens, opened, against, deters)
