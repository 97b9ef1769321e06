"""The policy: which check, how many draws, at what price; chosen from a table and said before any money moves."""

from assay.proof.policy.asked import (
    answers_max,
    full_fee,
    fund_fee,
    is_extra,
    ordered_max,
    ordered_units,
    paid_ppm,
)
from assay.proof.policy.attesting import attest
from assay.proof.policy.checkers import checkers_needed
from assay.proof.policy.choose import NoTier, choose
from assay.proof.policy.plan import Candidate, Cost, Plan, Remedy
from assay.proof.policy.pledged import pledged, worth_of
from assay.proof.policy.premium import Premium, quote_premium
from assay.proof.policy.remedies import segments_needed
from assay.proof.policy.terms import Budget, Classes, Confidentiality, Reputation, Terms
from assay.proof.policy.tiers import TIERS, Numerics, Opens, Tier, Work
from assay.proof.policy.used import is_checkable, is_traced, numerics_of, tiers_of, work_of

__all__ = [
    "TIERS",
    "Budget",
    "Candidate",
    "Classes",
    "Confidentiality",
    "Cost",
    "NoTier",
    "Numerics",
    "Opens",
    "Plan",
    "Premium",
    "Remedy",
    "Reputation",
    "Terms",
    "Tier",
    "Work",
    "answers_max",
    "attest",
    "checkers_needed",
    "choose",
    "full_fee",
    "fund_fee",
    "is_checkable",
    "is_extra",
    "is_traced",
    "numerics_of",
    "ordered_max",
    "ordered_units",
    "paid_ppm",
    "pledged",
    "quote_premium",
    "segments_needed",
    "tiers_of",
    "work_of",
    "worth_of",
]
