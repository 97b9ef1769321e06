"""The referee: holds what was revealed against what was claimed, rules, and ends epochs whose questions are ruled."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from assay.runtime import Unit
from assay.schema.audit import AuditOverruled, AuditUpheld, OpenedTrace
from assay.schema.epoch import EpochAudited, EpochFault, EpochMismatched
from assay.schema.errors import AssayError
from assay.schema.lease import NO_QUORUM, UNPROVEN, SlashReason
from assay.schema.verdict import Finding
from assay.verification.desk import Desk
from assay.verification.domain import Case, Vote, rule, rule_by_agreement, rule_by_quorum, rule_twin, wanted
from assay.verification.domain.judging import CLAIM, CONFIRMING, Ruling, rule_nothing
from assay.verification.domain.unanswered import unanswered
from assay.verification.domain.verdicts import fact_of
from assay.verification.queries import cases, epochs, questions, traces, twins, verifiers
from assay.verification.queries.epochs import Kept
from assay.verification.queries.questions import Audit, Question
from assay.verification.queries.unanswered import wait_anew
from assay.verification.steps.concluding import close_epoch, judge_leases
from assay.verification.steps.disputing import accuse, appeal_end
from assay.verification.steps.judging import measured_of, opened_of, weigh_readings
from assay.verification.steps.recounting import Ballot, HeldBack, found_by, hold_back
from assay.verification.steps.weighing import Weighed, near_of, weigh

CLAIM_MS: Final = 20_000
AGAIN_MS: Final = 1_000
CLAIMS: Final = 64

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with all its answers, weighed; `opened` is the trace that it is about, if it is.

    Of a planted one, `is_known` if the claim stands that it was made from. What it is about `reaches` hosts, or not.
    """

    question: Question
    audits: Sequence[Audit]
    weighed: dict[str, Weighed]
    opened: OpenedTrace | None = None
    is_known: bool = False
    reaches: bool = False
    nothing: Finding | None = None
    """What is found if they come to nothing: nobody further is asked."""

    @property
    def votes(self) -> list[Vote]:
        """The answers that count."""
        found = ((audit, self.weighed[audit.audit_id].group) for audit in self.audits)
        votes = [Vote(audit.audit_id, group, audit.bond) for audit, group in found if group is not None]
        return sorted(votes, key=lambda vote: vote.audit_id)

    @property
    def ruling(self) -> Ruling | None:
        """What they come to, as far as they decide."""
        if self.question.is_planted:
            return rule_twin(self.votes, self.is_known)
        if self.reaches:
            return rule_by_agreement(self.votes, self.question.replicas, self.question.is_last)
        if self.question.replicas > 1:
            return rule_by_quorum(self.votes, self.question.replicas, self.question.is_last)
        return rule(self.votes)

    def ballot(self, code: str) -> Ballot:
        """What a dispute about the question goes by."""
        nears = {} if self.question.is_read else {a: near_of(w) for a, w in self.weighed.items() if w.is_near}
        verifiers_ = {audit.audit_id: audit.verifier for audit in self.audits}
        members = [m for audit in self.audits if (m := measured_of(audit, self.weighed[audit.audit_id])) is not None]
        return Ballot(self.question.question_id, self.votes, verifiers_, nears, code, self.question.is_last, members)

    @property
    def forged(self) -> list[Audit]:
        """Reveals that are not what was sealed."""
        return [audit for audit in self.audits if self.weighed[audit.audit_id].group is None]


class Referee:
    """One referee of a verification service. Replicas share the questions by claiming them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def turn(self) -> float | None:
        """Judge what is answered."""
        async with self._desk.context.unit() as unit:
            claimed = await questions.claim_answered(unit.tx, self._desk.now(), CLAIM_MS, CLAIMS)
            audits = await questions.audits_of(unit.tx, [question.question_id for question in claimed])
            leases = sorted({question.lease_id for question in claimed})
            found = {case.granted.lease_id: case for case, _ in await cases.cases(unit.tx, leases)}
            known = await twins.standing(unit.tx, [q.twin_of for q in claimed if q.twin_of])
        went_on = await self._go_on()
        if not claimed:
            return 0 if went_on else None
        weighed = await asyncio.gather(*(self._weigh(q, found[q.lease_id], audits[q.question_id]) for q in claimed))
        by_epoch: dict[str, list[Answered]] = {}
        for answered in filter(None, weighed):
            answered = replace(answered, is_known=answered.question.twin_of in known)
            by_epoch.setdefault(answered.question.epoch_id, []).append(answered)
        for epoch_id, answered_here in by_epoch.items():
            await self._judge(epoch_id, answered_here)
        self._desk.bells.tend.set()
        return 0

    async def _go_on(self) -> bool:
        """Whether further leases of an epoch that has ended were judged: so many leave room for others between."""
        async with self._desk.context.unit() as unit:
            epoch = await epochs.lock_unjudged(unit.tx)
            if epoch is not None:
                await judge_leases(unit, epoch, await questions.of_epoch(unit.tx, epoch.closed.epoch_id))
        return epoch is not None

    async def _weigh(self, question: Question, case: Case, audits: Sequence[Audit]) -> Answered | None:
        revealed = [audit for audit in audits if audit.state in ("revealed", "upheld")]
        nothing = unanswered(case, question.segment, question.method)
        read = partial(weigh_readings, self._desk, case, question, revealed)
        run = partial(weigh, self._desk, case, question.segment, revealed)
        try:
            weighed = await (read() if question.is_read else run()) if revealed else {}
            return Answered(question, revealed, weighed, reaches=case.granted.spec.reaches, nothing=nothing)
        except AssayError as error:
            log.warning("question is put back: %s", error, extra={"lease": question.lease_id})
            async with self._desk.context.unit() as unit:
                await questions.release(unit.tx, [question.question_id], self._desk.now() + AGAIN_MS)
            return None

    async def _judge(self, epoch_id: str, answered: Sequence[Answered]) -> None:
        async with self._desk.context.unit() as unit:
            epoch = await epochs.lock(unit.tx, epoch_id)
            opened = await traces.of_epoch(unit.tx, epoch_id)
            for each in answered:
                await self._note(unit, epoch, replace(each, opened=opened_of(epoch, each.question, opened)))
            await self._advance(unit, epoch)

    async def _note(self, unit: Unit, epoch: Kept, answered: Answered) -> None:
        """Keep what the answers to one question come to."""
        await self._end(unit, {audit.audit_id: SlashReason.LAZY_VERIFIER for audit in answered.forged}, answered)
        question, votes = answered.question, answered.votes
        if question.is_planted and not votes:
            await twins.forget(unit.tx, question.question_id)
            return
        if not votes and question.is_last:
            given_up = replace(question, first_group=CLAIM, stands=True, finding=answered.nothing)
            await questions.note(unit.tx, given_up)
            return
        if len(votes) < question.wanted and not question.is_planted:
            await questions.release(unit.tx, [question.question_id])
            return
        back = await self._hold_back(unit, answered, answered.ruling)
        ruling = back.ruling
        if ruling is None and question.is_last and not (back.is_disputed or question.is_planted):
            ruling = rule_nothing(votes)
        if ruling is None:
            is_kept = back.is_disputed or (question.first_group is None and not question.is_planted)
            await questions.note(
                unit.tx,
                replace(
                    question,
                    wanted=question.wanted + back.further if is_kept else wanted(votes),
                    first_group=votes[0].group if question.first_group is None else question.first_group,
                    finding=finding_of(answered, None),
                ),
            )
            return
        await self._end(unit, dict(ruling.overruled), answered, ruling)
        first = votes[0].group if question.first_group is None else question.first_group
        finding = found_by(back.outcome, finding_of(answered, ruling))
        if not ruling.has_quorum:
            finding = undecided(finding, answered)
        noted = replace(question, first_group=first, stands=ruling.stands, finding=finding)
        await questions.note(unit.tx, noted)
        if question.is_planted and not ruling.stands:
            log.error("a planted answer was not what was known", extra={"lease": question.lease_id})

    async def _hold_back(self, unit: Unit, answered: Answered, ruling: Ruling | None) -> HeldBack:
        """The ruling, unless it is to be disputed first: nobody loses anything before that is over."""
        if answered.question.is_planted:
            return HeldBack(ruling)
        ballot = answered.ballot(finding_of(answered, ruling).code)
        until_ms = appeal_end(self._desk.now(), self._desk.settings.appeal_s)
        back = await hold_back(unit.tx, ballot, ruling, until_ms)
        for event in back.said:
            unit.emission.add(event, ballot.question_id)
        self._desk.bells.dispute.set()
        return back

    async def _end(
        self, unit: Unit, overruled: dict[str, SlashReason], answered: Answered, ruling: Ruling | None = None
    ) -> None:
        """Say how the audits of a question end: overruled, or, once it is ruled, upheld."""
        states: dict[str, str] = {}
        for audit in answered.audits:
            names = ending_of(answered, audit)
            if audit.audit_id in overruled:
                event = AuditOverruled(**names, reason=overruled[audit.audit_id])
                unit.emission.add(event, audit.audit_id)
                states[audit.audit_id] = "overruled"
            elif ruling and answered.weighed[audit.audit_id].group is not None:
                fee = 0 if audit.audit_id in ruling.unpaid else audit.assigned.fee
                upheld = AuditUpheld(**names, fee=fee, ordered_by=audit.ordered_by)
                unit.emission.add(upheld, audit.audit_id)
                states[audit.audit_id] = "upheld"
        await questions.end(unit.tx, states)
        await verifiers.promise(unit.tx, [a.verifier for a in answered.audits if states.get(a.audit_id) == "overruled"])

    async def _advance(self, unit: Unit, epoch: Kept) -> None:
        """Take an epoch on as far as its answers carry it."""
        asked = await questions.of_epoch(unit.tx, epoch.closed.epoch_id)
        state = epoch.state
        if state == "opened" and all(question.first_group is not None for question in asked):
            state = await self._audited(unit, epoch, asked)
        if state == "mismatched":
            state = await accuse(unit, epoch, asked)
        if state in ("audited", "mismatched", "accused") and all(question.stands is not None for question in asked):
            fallen = next((question for question in asked if not question.stands), None)
            await close_epoch(unit, epoch, asked, fault_of(epoch, fallen) if fallen else None)

    async def _audited(self, unit: Unit, epoch: Kept, asked: Sequence[Question]) -> str:
        """Say that every drawn segment has its first answer, and which of them differ: others are asked about these.

        One that several answered at once may have fallen by now, and its dispute be over; nobody is asked about it.
        """
        epoch_id, names = epoch.closed.epoch_id, fact_of(epoch.closed)
        audit_ms = sum(question.finding.compute_ms for question in asked if question.finding)
        unit.emission.add(EpochAudited(**names, audit_ms=audit_ms, work_ms=epoch.work_ms), epoch_id)
        differing = [question for question in asked if not question.stands]
        audits = await questions.audits_of(unit.tx, [question.question_id for question in differing])
        for question in differing:
            first = next(audit for audit in audits[question.question_id] if audit.state in ("revealed", "upheld"))
            fault = fault_of(epoch, question)
            unit.emission.add(EpochMismatched(**fault.model_dump(), audit_id=first.audit_id), epoch_id)
            if question.stands is None:
                await wait_anew(unit.tx, epoch_id, self._desk.now())
                more = question.wanted + 1 if question.replicas > 1 else 1 + CONFIRMING
                await questions.note(unit.tx, replace(question, wanted=more))
        state = "mismatched" if differing else "audited"
        await epochs.move(unit.tx, epoch_id, state)
        return state


def ending_of(answered: Answered, audit: Audit) -> dict[str, Any]:
    """What the event of an audit's end names; of a planted one not what it was about."""
    names = {"audit_id": audit.audit_id, "verifier": audit.verifier}
    question, weighed = answered.question, answered.weighed[audit.audit_id]
    if question.is_planted:
        return names
    place = {"epoch_id": question.epoch_id, "lease_id": question.lease_id, "segment": question.segment}
    found = {"method": weighed.finding.method, "agreed": weighed.group == CLAIM, "group": weighed.group}
    return names | place | found | {"opened": answered.opened}


def finding_of(answered: Answered, ruling: Ruling | None) -> Finding:
    """The finding about a segment: that of an answer which decided, or of the first."""
    best = [w for _, w in sorted(answered.weighed.items()) if w.group is not None]
    stands = ruling is not None and ruling.stands and ruling.has_quorum
    best = [w for w in best if (w.group == CLAIM) == stands] or best
    return best[0].finding


def undecided(finding: Finding, answered: Answered) -> Finding:
    """The finding where the answers decide nothing; fewer than were ordered are what nobody could answer.

    So one friend that answers does not make a segment weigh less than one of which there is no answer at all.
    """
    has_all = len(answered.votes) >= answered.question.replicas > 1
    return finding.model_copy(update={"passed": False, "code": NO_QUORUM if has_all else UNPROVEN})


def fault_of(epoch: Kept, question: Question) -> EpochFault:
    """Where an epoch is at fault."""
    assert question.finding is not None
    names = fact_of(epoch.closed)
    return EpochFault(**names, lease_id=question.lease_id, segment=question.segment, code=question.finding.code)
