"""The tender: draws verifiers for questions, calls who has sealed, lets the late lapse.

One replica tends at a time; a turn is one transaction over everything that is due.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from assay.proof.committee import LEAST, sitting_seed
from assay.proof.opened import trace_seed
from assay.proof.policy import answers_max, full_fee
from assay.runtime import Unit
from assay.schema.audit import AuditAssigned, AuditCalled, AuditClaim, AuditLapsed
from assay.schema.epoch import EpochWaiting
from assay.schema.lease import LeaseGranted
from assay.verification.desk import Desk
from assay.verification.domain import Asked, Candidate, Case, Want, audit_id_of, choose, look_seed, nonce_of
from assay.verification.domain.unanswered import is_unanswerable
from assay.verification.domain.verdicts import fact_of
from assay.verification.queries import cases, disputes, epochs, questions, twins, unanswered, verifiers
from assay.verification.queries.disputes import Held
from assay.verification.queries.epochs import Kept
from assay.verification.queries.questions import Audit, Question
from assay.verification.steps.convening import claim_of_member, seated, sitting_of

LOCK: Final = "select pg_try_advisory_xact_lock(hashtextextended('verification.tend', 0))"
AT_WORK_S: Final = 0.25
BUSY: Final = "verifier.busy"
PASSING: Final = {BUSY, "verifier.resting"}
"""What is over by itself."""
ENDED: Final = ("lapsed", "declined", "overruled")
"""Audits that count as no answer, come or to come."""
UNDER_WAY: Final = ("assigned", "sealed", "called")

log = logging.getLogger(__name__)


class Tender:
    """One tender of a verification service."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._secret = b""
        self._since_ms = desk.now()

    async def turn(self) -> float | None:
        """Do what is due; the sooner again, if there is something under way."""
        async with self._desk.context.unit() as unit:
            if not await unit.tx.fetchval(LOCK):
                return None
            await self._lapse(unit)
            await self._give_up(unit)
            await self._call(unit)
            await self._seat(unit)
            return AT_WORK_S if await epochs.has_open(unit.tx) else None

    async def _lapse(self, unit: Unit) -> None:
        now_ms = self._desk.now()
        if late := await questions.late(unit.tx, now_ms):
            # Locked as the handlers lock them: first the life, then the row.
            await unit.tx.life("audit", late)
            lapsed = await questions.lapse(unit.tx, late, now_ms)
            await verifiers.rest(unit.tx, [audit.verifier for audit in lapsed], now_ms)
            for audit in lapsed:
                code = "audit.unanswered" if audit.state == "assigned" else "audit.unrevealed"
                event = AuditLapsed(audit_id=audit.audit_id, verifier=audit.verifier, code=code)
                unit.emission.add(event, audit.audit_id)

    async def _give_up(self, unit: Unit) -> None:
        """Have what lacks an answer for so long be judged by those that it has, or awaits: nobody else is asked.

        Not before verifiers had as long as one answer takes since this tender began: an outage of the operator's own is
        to cost nobody's pay.
        """
        now_ms, settings = self._desk.now(), self._desk.settings
        if now_ms < self._since_ms + settings.proof_ms:
            return
        since_ms = now_ms - settings.unanswered_s * 1000
        is_unshown = await unanswered.give_up_unshown(unit.tx, since_ms, now_ms)
        late = await unanswered.overdue(unit.tx, since_ms)
        for question_id, live in late.items():
            await twins.ask_no_more(unit.tx, question_id, live)
        if late or is_unshown:
            unit.tx.on_commit(self._desk.bells.judge.set)

    async def _call(self, unit: Unit) -> None:
        deadline_ms = self._desk.now() + int(self._desk.settings.reveal_s * 1000)
        if ready := await questions.ready(unit.tx):
            await questions.call(unit.tx, [audit.audit_id for audit in ready], deadline_ms)
            for audit in ready:
                unit.emission.add(AuditCalled(audit_id=audit.audit_id, verifier=audit.verifier), audit.audit_id)

    async def _seat(self, unit: Unit) -> None:
        if await questions.has_unshown(unit.tx):
            self._desk.bells.show.set()
        now_ms = self._desk.now()
        short = await twins.short(unit.tx, now_ms)
        if not short:
            return
        self._secret = self._secret or await verifiers.secret(unit.tx)
        seats = Seats(
            self._secret,
            await verifiers.candidates(unit.tx, now_ms),
            await questions.audits_of(unit.tx, [question.question_id for question in short]),
            await twins.audits_of_twins(unit.tx, short),
            await epochs.by_id(unit.tx, [question.epoch_id for question in short]),
            {case.granted.lease_id: case for case, _ in await cases.cases(unit.tx, leases_of(short))},
            await questions.asked_about(unit.tx, leases_of(short)),
            await disputes.of_questions(unit.tx, [question.question_id for question in short]),
            now_ms,
            now_ms + int(self._desk.settings.audit_s * 1000),
            self._desk.bells.judge,
        )
        waits: dict[str, dict[str, int]] = {}
        for question in short:
            if reasons := await seats.fill(unit, question):
                waits.setdefault(question.epoch_id, reasons)
        for epoch_id, reasons in waits.items():
            await self._tell(unit, seats.epochs[epoch_id], reasons)

    async def _tell(self, unit: Unit, epoch: Kept, reasons: dict[str, int]) -> None:
        """Say what an epoch waits for, if that is news. Those who are busy will have time again by themselves."""
        if BUSY not in reasons and reasons.keys() != epoch.waits.keys():
            await epochs.note_wait(unit.tx, epoch.closed.epoch_id, reasons)
            event = EpochWaiting(**fact_of(epoch.closed), code="epoch.no_verifier", reasons=reasons)
            unit.emission.add(event, f"{epoch.closed.epoch_id}.{self._desk.now()}")


class Seats:
    """The drawing of verifiers for questions, in one transaction."""

    def __init__(
        self,
        secret: bytes,
        candidates: Sequence[Candidate],
        audits: dict[str, list[Audit]],
        of_twins: dict[str, list[Audit]],
        kept: dict[str, Kept],
        found: dict[str, Case],
        places: dict[tuple[str, int], set[str]],
        disputed: dict[str, Held],
        now_ms: int,
        deadline_ms: int,
        bell: asyncio.Event,
    ) -> None:
        self._bell = bell
        self._secret, self._audits, self.epochs, self._cases = secret, audits, kept, found
        self._places, self._of_twins, self._disputed = places, of_twins, disputed
        self._candidates = {candidate.verifier: candidate for candidate in candidates}
        self._now_ms, self._deadline_ms = now_ms, deadline_ms

    async def fill(self, unit: Unit, question: Question) -> dict[str, int]:
        """Draw as many verifiers as the question lacks; the reasons, if there are not enough."""
        audits = self._audits[question.question_id]
        asked = asked_of(audits)
        live = sum(audit.state not in ENDED for audit in audits)
        if self._is_given_up(question, audits):
            await twins.ask_no_more(unit.tx, question.question_id, live)
            unit.tx.on_commit(self._bell.set)
            return {}
        for at in range(live, question.wanted):
            chosen = self._choose(question, asked)
            if isinstance(chosen, dict):
                return await self._without(unit, question, chosen, at)
            await self._assign(unit, question, chosen, at)
            asked.append(Asked(chosen.verifier, chosen.announced.network))
        return {}

    def _is_given_up(self, question: Question, audits: Sequence[Audit]) -> bool:
        """Whether enough verifiers have declined. What is planted, or disputed, ends otherwise."""
        if question.is_planted or question.question_id in self._disputed:
            return False
        declined = Counter(audit.verifier for audit in audits if audit.state == "declined")
        answered = {audit.verifier for audit in audits if audit.state not in ENDED}
        want = self._want(question, ())
        return is_unanswerable(want, list(self._candidates.values()), declined, answered, self._now_ms)

    def _choose(self, question: Question, asked: Sequence[Asked]) -> Candidate | dict[str, int]:
        """The verifier that is drawn, or the reasons: nobody who was asked the twin, as long as that could tell.

        Where nobody else exists it beats waiting for ever. But no planted question is asked of the same again, so that
        its own question waits for each verifier once.
        """
        theirs, candidates = asked_of(self._of_twins[question.question_id]), list(self._candidates.values())
        is_blind = question.is_planted and not is_confirmed(question)
        if theirs or is_blind:
            apart = [replace(each, in_vain=False) for each in (*asked, *theirs)]
            chosen = choose(self._want(question, apart), candidates, self._now_ms)
            if is_blind or not isinstance(chosen, dict) or chosen.keys() & PASSING:
                return chosen
        known = [replace(each, in_vain=not self._is_twin_out(question)) for each in theirs]
        return choose(self._want(question, [*asked, *known]), candidates, self._now_ms)

    def _is_twin_out(self, question: Question) -> bool:
        """Whether a verifier has the other of a question and its twin in hand."""
        return any(audit.state in UNDER_WAY for audit in self._of_twins[question.question_id])

    async def _without(self, unit: Unit, question: Question, reasons: dict[str, int], live: int) -> dict[str, int]:
        """The reasons why a question waits, if it may be said: of a second one it would tell the first's verifier.

        One that is planted waits for nobody who is not there, nor does one about which many have answered who do not
        agree.
        """
        is_lasting = not reasons.keys() & PASSING and not is_confirmed(question)
        if is_lasting and question.is_planted and not live:
            await twins.forget(unit.tx, question.question_id)
        elif is_lasting and (question.is_planted or self._is_enough(question, live)):
            await twins.ask_no_more(unit.tx, question.question_id, live)
        elif not (question.is_second and self._is_twin_out(question)) and not is_confirmed(question):
            return reasons
        return {}

    def _is_enough(self, question: Question, live: int) -> bool:
        """Whether so many answers, of a committee so many of its members, decide where nobody else is there."""
        held, seed = self._disputed.get(question.question_id), self.epochs[question.epoch_id].seed
        if not (held and held.committee and seed):
            return live >= question.replicas > 1
        audits = [audit for audit in self._audits[question.question_id] if audit.state not in ENDED]
        return live - (len(audits) - len(seated(held, seed, audits))) >= LEAST

    def _want(self, question: Question, asked: Sequence[Asked]) -> Want:
        case, epoch = self._cases[question.lease_id], self.epochs[question.epoch_id]
        assert epoch.seed is not None
        parties, machine = (case.granted.provider, case.granted.requester), case.commit_of(question.segment).machine
        sitting = sitting_of(self._disputed.get(question.question_id))
        seed = sitting_seed(sitting.block_hash, epoch.seed, question.place_id) if sitting else epoch.seed
        names = (question.place_id, seed, self._secret)
        beside = [self._places.get((question.lease_id, question.segment + step), set()) for step in (-1, 1)]
        near = frozenset().union(*beside)
        return Want(*names, case.granted.spec, parties, tuple(asked), machine, near, question.in_class)

    def _claim_of(self, question: Question, verifier: str) -> AuditClaim | None:
        """What is shown of the claim, where it is to be read; to a member of a committee, by a seed of its own."""
        epoch, seed = self.epochs[question.epoch_id], self.epochs[question.epoch_id].seed
        if question.shown is None or seed is None:
            return None
        if question.root is not None:
            assert epoch.trace_hash is not None
            seen = trace_seed(epoch.trace_hash, seed, question.place_id)
            ends = self._cases[question.lease_id].commit_of(question.segment).state_out
            claim = {"method": question.method, "shown": question.shown, "seed": seen, "root": question.root}
            shown = AuditClaim(**claim, state_out=ends)
            held = self._disputed.get(question.question_id)
            return claim_of_member(held, shown, seed, verifier) if held and held.committee else shown
        seen = look_seed(seed, question.place_id)
        return AuditClaim(method=question.method, shown=question.shown, seed=seen)

    async def _assign(self, unit: Unit, question: Question, chosen: Candidate, at: int) -> None:
        """Give a question to a verifier: the answer that has so many before it."""
        case, granted = self._cases[question.lease_id], self._cases[question.lease_id].granted
        before = sum(audit.verifier == chosen.verifier for audit in self._audits[question.question_id])
        fee, ordered_by = fee_of(question, granted, at)
        audit_id = audit_id_of(self._secret, question.question_id, chosen.verifier, before)
        assigned = AuditAssigned(
            audit_id=audit_id,
            verifier=chosen.verifier,
            spec=granted.spec,
            segment=question.segment,
            checkpoint=None if question.shown and not question.root else case.checkpoint_before(question.segment),
            claim=self._claim_of(question, chosen.verifier),
            nonce=nonce_of(self._secret, audit_id),
            fee=fee,
            deadline_ms=self._deadline_ms,
        )
        await questions.assign(unit.tx, question.question_id, chosen, assigned, ordered_by)
        unit.emission.add(assigned, audit_id)
        in_hand = Candidate(chosen.announced, chosen.bond, chosen.in_hand + 1, chosen.rests_until_ms)
        self._candidates[chosen.verifier] = in_hand
        self._places.setdefault((question.lease_id, question.segment), set()).add(chosen.verifier)


def fee_of(question: Question, granted: LeaseGranted, at: int) -> tuple[int, str | None]:
    """What the answer earns that has so many before it, and the job whose order pays it; none: the fund does."""
    full = full_fee(granted.spec, granted.mega_unit_price)
    if question.ordered_by and at < answers_max(granted.spec.policy):
        return full, question.ordered_by
    return min(full, question.share), None


def is_confirmed(question: Question) -> bool:
    """Whether a planted question is asked further, since its answers do not agree with what is known."""
    return question.is_planted and question.first_group is not None


def asked_of(audits: Sequence[Audit]) -> list[Asked]:
    """Who was asked a question: in vain if it sealed nothing, or if nobody's answer was there to be seen since."""
    is_open = any(audit.revealed for audit in audits)
    return [
        Asked(a.verifier, a.network, a.state in ("lapsed", "declined") and not (a.seal and is_open)) for a in audits
    ]


def leases_of(short: Sequence[Question]) -> list[str]:
    """The leases that questions are about."""
    return sorted({question.lease_id for question in short})
