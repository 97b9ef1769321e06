"""Judging: what the blind answers to one question amount to. Pure.

One answer that agrees with the claim lets it stand. One that differs decides nothing: two more verifiers are asked, who
do not know of it, and two of three decide; if no two agree, one more is asked until a group of at least two is larger
than any other. So a claim falls only by two equal answers of verifiers drawn apart, and whoever is with the truth is
never overruled while those who lie are fewer.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from assay.schema.lease import SlashReason

CLAIM: Final = 0
"""The group of those whose answer is the claim."""
CONFIRMING: Final = 2


@dataclass(frozen=True, slots=True)
class Vote:
    """One verifier's answer: equal answers are of one group."""

    audit_id: str
    group: int


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a question has come to: whether the claim stands, and who is overruled for what."""

    stands: bool
    overruled: dict[str, SlashReason]


def rule(votes: Sequence[Vote], is_planted: bool = False) -> Ruling | None:
    """The ruling, or None while the answers do not decide. What is claimed of a planted question is no provider's."""
    winner = winner_of(votes)
    if winner is None:
        return None
    stands = winner == CLAIM
    reason = SlashReason.FALSE_ACCUSATION if stands and not is_planted else SlashReason.LAZY_VERIFIER
    return Ruling(stands, {vote.audit_id: reason for vote in votes if vote.group != winner})


def winner_of(votes: Sequence[Vote]) -> int | None:
    """The group that decides, if any does."""
    if len(votes) == 1 and votes[0].group == CLAIM:
        return CLAIM
    ranked = Counter(vote.group for vote in votes).most_common(2)
    if not ranked or ranked[0][1] < CONFIRMING:
        return None
    if len(ranked) > 1 and ranked[1][1] == ranked[0][1]:
        return None
    return ranked[0][0]


def wanted(votes: Sequence[Vote]) -> int:
    """How many answers there must be before one looks again: one, then three, then one more each time."""
    if not votes:
        return 1
    return 1 + CONFIRMING if len(votes) <= CONFIRMING else len(votes) + 1
