"""What a question comes to whose answers find a segment false: its dispute first, then that has the last word."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from assay.proof.committee import LEAST, outcome_of
from assay.schema.dispute import DisputeDecided, DisputeOutcome, Measured
from assay.schema.event import Event
from assay.schema.lease import OTHER_CLASS, TIE
from assay.schema.verdict import Finding
from assay.store import Transaction
from assay.verification.domain import Ruling, Vote
from assay.verification.domain import dispute as domain
from assay.verification.domain.classes import Near, accusers, recount_bits
from assay.verification.domain.placing import WRONG, group_of
from assay.verification.queries import disputes
from assay.verification.queries.disputes import Held
from assay.verification.steps.convening import note
from assay.verification.steps.disputing import decide

DEFENDED: Final = "segment.defended"
"""What is found of a segment that its provider has defended."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What a question comes to: its ruling, if it is not in dispute; how its dispute ended; what is said of that.

    Where its answers decide nothing, so many `further` ones are asked for.
    """

    ruling: Ruling | None
    outcome: DisputeOutcome | None = None
    is_disputed: bool = False
    said: tuple[Event, ...] = ()
    further: int = 0


@dataclass(frozen=True, slots=True)
class Ballot:
    """The answers to a question: its votes, who gave each and which are near the claim, by audit; how they differ.

    `is_last` if nobody further is asked.
    """

    question_id: str
    votes: Sequence[Vote]
    verifiers: Mapping[str, str]
    nears: Mapping[str, Near]
    code: str
    is_last: bool = False
    members: Sequence[Measured] = ()
    """What a committee has measured."""

    @property
    def others(self) -> list[Vote]:
        """The answers of who did not sit: too few members decide nothing, neither do they stand to lose by it."""
        sat = {member.verifier for member in self.members}
        return [vote for vote in self.votes if self.verifiers[vote.audit_id] not in sat]

    def accuser(self, ruling: Ruling) -> str:
        """The audit whose answer the provider may contest: one of those that decided."""
        unlike = accusers(self.nears) if self.code == OTHER_CLASS else {}
        return min(unlike or [vote.audit_id for vote in self.votes if vote.audit_id not in ruling.overruled])


async def hold_back(tx: Transaction, ballot: Ballot, ruling: Ruling | None, until_ms: int | None) -> HeldBack:
    """What a question comes to. A segment that its answers find false is disputed first, with one of who decided.

    What a second drawing comes to can be appealed until then.
    """
    question_id = ballot.question_id
    held = await disputes.of_question(tx, question_id)
    if held is None and ruling is not None and not ruling.stands:
        accuser = ballot.accuser(ruling)
        names = (domain.dispute_id_of(question_id), question_id, accuser, ballot.verifiers[accuser])
        await disputes.want(tx, *names, ballot.code)
        return HeldBack(None, is_disputed=True)
    if held is None:
        return HeldBack(ruling)
    if held.outcome is not None:
        return HeldBack(_ruling_of(held, held.outcome, ruling, ballot), held.outcome)
    if held.state not in disputes.DRAWN:
        return HeldBack(None, is_disputed=True)
    if held.committee:
        held = await note(tx, held, ballot.members)
    outcome = counted(held, ballot)
    if not ballot.is_last and is_open(held, outcome, len(ballot.votes)):
        return HeldBack(None, is_disputed=True, further=1)
    said = await decide(tx, held, outcome, "dispute.recounted", until_ms)
    if isinstance(said, DisputeDecided):
        return HeldBack(None, is_disputed=True, said=(said,))
    return HeldBack(_ruling_of(held, outcome, ruling, ballot), outcome, said=(said,))


def counted(held: Held, ballot: Ballot) -> DisputeOutcome:
    """What the answers come to: those of a committee's members alone, of a class's bits, or all."""
    if held.committee:
        return outcome_of(held.committee)
    return recount_bits(ballot.nears)[0] if held.code == OTHER_CLASS else domain.recount(ballot.votes)


def is_open(held: Held, outcome: DisputeOutcome, answers: int) -> bool:
    """Whether one more is asked: a tie costs an honest provider its pay. In a class the second drawing is the last.

    A committee has its size, and its tie is a finding.
    """
    is_last = held.decided is not None or held.code == OTHER_CLASS or held.committee is not None
    is_last = is_last or answers >= domain.ANSWERS_MAX
    return outcome is DisputeOutcome.NUMERIC_TIE and not is_last


def _ruling_of(held: Held, outcome: DisputeOutcome, standing: Ruling | None, ballot: Ballot) -> Ruling:
    """How the question ends; of a refusal by a class, whoever lied about its bits is overruled besides."""
    if held.lodged and held.lodged.operator and ballot.members:
        if len(ballot.members) < LEAST:
            return domain.ruling_of(outcome, None, ballot.others)
        at = held.lodged.operator
        return domain.ruling_by_committee(outcome, ballot.votes, group_of(WRONG, at.step, at.number))
    ruling = domain.ruling_of(outcome, standing, ballot.votes)
    lied = recount_bits(ballot.nears)[1] if held.code == OTHER_CLASS and ruling.stands else {}
    return Ruling(ruling.stands, ruling.overruled | lied)


def found_by(outcome: DisputeOutcome | None, finding: Finding) -> Finding:
    """The finding about a segment whose dispute is over, which has the last word."""
    changes: dict[DisputeOutcome, dict[str, Any]] = {
        DisputeOutcome.CHALLENGER_FAULT: {"passed": True, "code": DEFENDED},
        DisputeOutcome.NUMERIC_TIE: {"passed": False, "code": TIE},
    }
    return finding.model_copy(update=changes.get(outcome, {})) if outcome else finding
