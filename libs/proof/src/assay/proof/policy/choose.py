"""The choice: of all tiers that this work admits, the one whose proof deters and costs least."""

from collections.abc import Sequence

from assay.proof.economics import gain_bound
from assay.proof.policy.plan import Candidate, Plan, detection_table
from assay.proof.policy.pricing import candidate
from assay.proof.policy.remedies import remedies_of
from assay.proof.policy.terms import (
    BUDGET,
    MACHINES,
    NEWCOMER,
    Budget,
    Classes,
    Confidentiality,
    Reputation,
    Terms,
)
from assay.proof.policy.tiers import TIERS, Tier
from assay.schema.errors import Reject


class NoTier(Reject):
    """Work that no tier may check on these terms."""

    code = "policy.no_tier"
    advice = (
        "Let verifiers see more of it, or ask for other numerics; `assay audit plan` lists every tier with a reason."
    )


def choose(
    terms: Terms,
    reputation: Reputation = NEWCOMER,
    classes: Classes = MACHINES,
    confidentiality: Confidentiality = Confidentiality.OPEN,
    budget: Budget = BUDGET,
    tiers: Sequence[Tier] = TIERS,
) -> Plan:
    """The plan for an epoch. Raises NoTier if no tier is admissible.

    Where even the cheapest costs more than the budget, or the stake is too small, the plan names the remedies.
    """
    rows = [candidate(tier, terms, reputation, classes, confidentiality, budget) for tier in tiers]
    chosen, tier = cheapest(rows, tiers)
    risk = (terms.pay, terms.stake, terms.saved_ppm, tier.missed_ppm)
    return Plan(
        chosen=chosen,
        segments=terms.segments,
        detection=detection_table(terms.segments, chosen.k, tier.missed_ppm),
        pay=terms.pay,
        stake=terms.stake,
        gain_bound=gain_bound(terms.segments, chosen.k, *risk),
        margin_bound=gain_bound(terms.segments, chosen.k, *risk, margin=budget.margin),
        budget_ppm=budget.share_ppm,
        remedies=tuple(remedies_of(chosen, tier, terms, reputation, classes, budget)),
        candidates=tuple(rows),
    )


def cheapest(rows: Sequence[Candidate], tiers: Sequence[Tier]) -> tuple[Candidate, Tier]:
    """The admissible row that deters, of those the least cost, then the least missed; and its tier. Raises NoTier."""
    pairs = [(row, tier) for row, tier in zip(rows, tiers, strict=True) if row.is_admissible]
    if not pairs:
        raise NoTier(" ".join(f"{row.tier}: {row.against[0]}" for row in rows))
    return min(pairs, key=lambda pair: (not pair[0].deters, pair[0].cost.total, pair[0].missed_ppm))
