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

from assay.proof.policy.asked import FURTHER
from assay.proof.quorum import Outcome, Replica, decide
from assay.proof.recount import CLAIM as CLAIM
from assay.proof.recount import CONFIRMING as CONFIRMING
from assay.schema.lease import SlashReason
from assay.schema.values import BOND_PER_VERIFIER

TRUST_MAX: Final = 2 * BOND_PER_VERIFIER
"""So much of a verifier's bond counts in a quorum at most: nobody has two thirds of three alone."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One verifier's answer: equal answers are of one group. `bond` is what stood behind it when it was asked."""

    audit_id: str
    group: int
    bond: int = BOND_PER_VERIFIER


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a question has come to: whether the claim stands, and who is overruled for what.

    Without a quorum nobody is to blame, and the segment's lease is not paid. Answers that are `unpaid` are proven false
    by nothing, and are not what the others found.
    """

    stands: bool
    overruled: dict[str, SlashReason]
    has_quorum: bool = True
    unpaid: frozenset[str] = frozenset()


def rule(votes: Sequence[Vote], is_planted: bool = False) -> Ruling | None:
    """The ruling, or None while the answers do not decide.

    What is known of a planted question counts as an answer, so that two who lie alike do not outvote one who does not.
    """
    winner = winner_of(votes, is_planted)
    if winner is None:
        return None
    stands = winner == CLAIM
    reason = SlashReason.FALSE_ACCUSATION if stands and not is_planted else SlashReason.LAZY_VERIFIER
    return Ruling(stands, {vote.audit_id: reason for vote in votes if vote.group != winner})


def rule_twin(votes: Sequence[Vote], stands: bool) -> Ruling | None:
    """The ruling on a planted question, or None while the answers do not decide, once its own question is answered.

    Only where that claim `stands` is its answer known: what is false in it elsewhere may be the provider's doing, so
    that nobody is to blame.
    """
    return rule(votes, is_planted=True) if stands else Ruling(True, {})


def rule_by_quorum(votes: Sequence[Vote], replicas: int, is_last: bool = False) -> Ruling | None:
    """The ruling of those who were asked at once, or None while their bonds do not decide.

    Where they do not, FURTHER more are asked, one after the other; `is_last` where there is nobody left to ask.
    """
    if len(votes) < replicas:
        return Ruling(True, {}, has_quorum=False) if is_last else None
    found = quorum_of(votes)
    if found.answer is None:
        return Ruling(True, {}, has_quorum=False) if is_last or len(votes) >= replicas + FURTHER else None
    stands = found.answer == str(CLAIM)
    reason = SlashReason.FALSE_ACCUSATION if stands else SlashReason.LAZY_VERIFIER
    return Ruling(stands, dict.fromkeys(found.differed, reason))


def rule_by_agreement(votes: Sequence[Vote], replicas: int, is_last: bool = False) -> Ruling | None:
    """The ruling about what reached hosts, or None while the bonds of those who were asked do not decide.

    What a host says changes with time and place. So a quorum for the claim has it paid, and whatever else they find
    proves nobody false: neither the claim nor an answer. With a quorum for anything, an answer is paid that is the
    claim or another's too, so that little is earned by saying anything; without one all are, so that no order has work
    for nothing by a host that tells each another thing.
    """
    ruling = rule_by_quorum(votes, replicas, is_last)
    if ruling is None or not ruling.has_quorum:
        return ruling
    counts = Counter(vote.group for vote in votes)
    unpaid = frozenset(vote.audit_id for vote in votes if counts[vote.group] == 1 and vote.group != CLAIM)
    return Ruling(True, {}, ruling.stands, unpaid)


def rule_nothing(votes: Sequence[Vote]) -> Ruling:
    """The ruling where the answers do not decide and nobody is left to ask: nobody is to blame.

    What differs from the claim and nobody shares earns nothing: where most decline, to say anything would be a trade.
    """
    unpaid = frozenset(vote.audit_id for vote in votes if vote.group != CLAIM)
    return Ruling(True, {}, has_quorum=False, unpaid=unpaid)


def quorum_of(votes: Sequence[Vote]) -> Outcome:
    """What more than two thirds of the bonds are for, if they are for anything.

    A bond is what nobody can make up, so each counts as an owner: whoever has many verifiers has paid for each.
    """
    return decide([Replica(v.audit_id, v.audit_id, min(max(v.bond, 1), TRUST_MAX), str(v.group)) for v in votes])


def winner_of(votes: Sequence[Vote], is_known: bool = False) -> int | None:
    """The group that decides, if any does; the claim has one answer more where it is known to be true."""
    groups = Counter(vote.group for vote in votes)
    if is_known:
        groups[CLAIM] += 1
    ranked = groups.most_common(2)
    if ranked == [(CLAIM, 1)]:
        return CLAIM
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
