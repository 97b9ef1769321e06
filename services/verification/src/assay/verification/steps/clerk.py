"""The clerk: lodges the disputes that the referee wants, and ends those in which nobody moved in time."""

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import Final

from assay.proof.beacon import Beacon
from assay.proof.court import Terms
from assay.proof.court.terms import check_terms
from assay.proof.eip712 import Domain
from assay.schema.dispute import DisputeLodged, DisputeWay
from assay.schema.errors import AssayError, Refused, Retry
from assay.schema.job import JobSpec
from assay.schema.lease import OTHER_CLASS
from assay.schema.values import DISPUTE_BOND, OperatorPlace, address_of
from assay.store import Transaction
from assay.verification.desk import Desk
from assay.verification.domain import Case
from assay.verification.domain import dispute as domain
from assay.verification.methods import method_of
from assay.verification.queries import bonds, cases, disputes, questions
from assay.verification.queries.disputes import Held
from assay.verification.queries.questions import Audit
from assay.verification.steps import appealing, disputing
from assay.verification.steps.convening import seat
from assay.verification.steps.judging import reading_of
from assay.workloads import HeldInputs, ModelStore, read_params, workload
from assay.workloads.court import Judgeable, Matter, record_of
from assay.workloads.errors import WorkloadError

AT_WORK_S: Final = 0.25

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a dispute is lodged on: the lease's case, and the answer that decided against it."""

    held: Held
    case: Case
    audit: Audit


@dataclass(frozen=True, slots=True)
class States:
    """The checkpoint before a segment, and the two that are said to come after it."""

    before: bytes
    claimed: bytes
    countered: bytes


class Clerk:
    """One clerk of a verification service. Replicas may meet at a dispute: its row is locked."""

    def __init__(self, desk: Desk, court: Domain, beacon: Beacon) -> None:
        self._desk, self._court, self._beacon = desk, court, beacon

    async def turn(self) -> float | None:
        """Do what is due; the sooner again, if any dispute is under way."""
        async with self._desk.context.unit() as unit:
            grounds = await self._grounds(unit.tx)
            now_ms = self._desk.now()
            late = await disputes.overdue(unit.tx, now_ms)
            appealed = await disputes.appealed(unit.tx)
            leases = sorted({held.lease_id for held in appealed})
            found = {case.granted.lease_id: case.granted.spec for case, _ in await cases.cases(unit.tx, leases)}
            is_open = await disputes.has_open(unit.tx)
            convening = await disputes.convening(unit.tx)
        # What no party can hasten ends only once it was tried after its time, too: a service may have been away itself.
        late += [held.dispute_id for held in (*appealed, *convening) if held.deadline_ms <= now_ms]
        for ground in grounds:
            await self._try_to_lodge(ground)
        for held in appealed:
            await self._try_to_look_at(held, found[held.lease_id])
        has_seated = any([await self._try_to_seat(held) for held in convening])
        for dispute_id in late:
            await self._lapse(dispute_id)
        if has_seated:
            return 0
        return AT_WORK_S if is_open else None

    async def _grounds(self, tx: Transaction) -> list[Ground]:
        wanted = await disputes.wanted(tx)
        audits = await questions.audits_of(tx, [held.question_id for held in wanted])
        found = {case.granted.lease_id: case for case, _ in await cases.cases(tx, sorted({h.lease_id for h in wanted}))}
        return [
            Ground(held, found[held.lease_id], audit)
            for held in wanted
            for audit in audits[held.question_id]
            if audit.audit_id == held.audit_id
        ]

    async def _try_to_lodge(self, ground: Ground) -> None:
        try:
            at = await self._place(ground)
            terms = None if at else await self._terms(ground)
        except AssayError as error:
            log.warning("dispute is put back: %s", error, extra={"lease": ground.held.lease_id})
            return
        async with self._desk.context.unit() as unit:
            held = await disputes.lock(unit.tx, ground.held.dispute_id)
            if held and held.state == "wanted":
                now_s = self._desk.now() // domain.SECOND_MS
                lodged = self._lodged(ground, terms, at, now_s)
                await disputes.lodge(unit.tx, lodged, now_s)
                await bonds.pledge(unit.tx, held.epoch_id, held.verifier, DISPUTE_BOND)
                unit.emission.add(lodged, held.dispute_id)
        log.info("dispute lodged", extra={"lease": ground.held.lease_id})

    async def _try_to_look_at(self, held: Held, spec: JobSpec) -> None:
        try:
            await appealing.look_at(self._desk, held, spec)
        except AssayError as error:
            log.warning("an appeal is put back: %s", error, extra={"lease": held.lease_id})

    async def _try_to_seat(self, held: Held) -> bool:
        """Whether a committee is asked now."""
        try:
            return await seat(self._desk, self._beacon, held)
        except Retry:
            return False
        except AssayError as error:
            log.warning("a committee is put back: %s", error, extra={"lease": held.lease_id})
            return False

    async def _place(self, ground: Ground) -> OperatorPlace | None:
        """The operator of a trace that the answer calls false, if it calls one so: a committee measures that."""
        spec = ground.case.granted.spec
        if (place := method_of(spec).place) is None:
            return None
        reading = await reading_of(self._desk, spec, ground.audit)
        return place(reading) if reading else None

    def _lodged(self, ground: Ground, terms: Terms | None, at: OperatorPlace | None, now_s: int) -> DisputeLodged:
        held, settings, said = ground.held, self._desk.settings, ground.audit.revealed
        assert said is not None
        return DisputeLodged(
            dispute_id=held.dispute_id,
            provider=ground.case.granted.provider,
            verifier=held.verifier,
            epoch_id=held.epoch_id,
            lease_id=held.lease_id,
            segment=held.segment,
            code=held.code,
            audit_id=held.audit_id,
            way=DisputeWay.COMMITTEE if at else DisputeWay.COURT if terms else DisputeWay.SECOND_DRAWING,
            claimed=ground.case.commit_of(held.segment).state_out,
            countered=said.state,
            bond=DISPUTE_BOND,
            contest_s=settings.contest_s,
            move_s=settings.move_s,
            terms=domain.packed_terms(terms) if terms else "",
            operator=at,
            expires_ms=disputing.after_s(now_s + settings.contest_s),
        )

    async def _terms(self, ground: Ground) -> Terms | None:
        """The court's terms; none if the work has no program of judged primitives, or the court sees no difference."""
        spec, segment = ground.case.granted.spec, ground.held.segment
        work = workload(spec.kind)
        if not isinstance(work, Judgeable) or ground.held.code == OTHER_CLASS or spec.params.get("model_files"):
            # A model that came with its job is not in the court's store, and is more than a clerk holds.
            return None
        inputs = await self._desk.jobs.all_of(spec)
        contents = HeldInputs(ModelStore(self._desk.settings.models_dir), inputs)
        try:
            matter = await asyncio.to_thread(work.matter, read_params(spec.kind, spec.params), contents, segment)
        except (WorkloadError, Refused) as error:
            no_case(ground, error)
            return None
        states = await self._states(ground)
        try:
            return await asyncio.to_thread(self._judged_on, matter, ground, states)
        except (WorkloadError, Refused) as error:
            no_case(ground, error)
            return None

    async def _states(self, ground: Ground) -> States:
        spec, segment = ground.case.granted.spec, ground.held.segment
        get = partial(self._desk.jobs.read, spec)
        checkpoint, said = ground.case.checkpoint_before(segment), ground.audit.revealed
        assert said is not None
        before = await (get(checkpoint) if checkpoint else self._desk.replayer.start_bytes(spec))
        return States(before, await get(ground.case.commit_of(segment).checkpoint), await get(said.checkpoint))

    def _judged_on(self, matter: Matter, ground: Ground, states: States) -> Terms:
        held, granted, settings = ground.held, ground.case.granted, self._desk.settings
        worker = address_of(granted.provider)
        record = record_of(matter, granted.lease_id, worker, states.before, states.claimed)
        countered, windows = matter.root_of(states.countered), (settings.contest_s, settings.move_s)
        terms = domain.terms_of(record, held.dispute_id, held.verifier, countered, DISPUTE_BOND, windows, self._court)
        check_terms(terms)
        return terms

    async def _lapse(self, dispute_id: str) -> None:
        async with self._desk.context.unit() as unit:
            held = await disputes.lock(unit.tx, dispute_id)
            if held is None or held.deadline_ms > self._desk.now():
                return
            for event in await disputing.lapse(unit.tx, held, self._desk.now(), self._desk.settings.appeal_s):
                unit.emission.add(event, dispute_id)
        self._desk.bells.judge.set()


def no_case(ground: Ground, why: AssayError) -> None:
    """Nothing for the court: further verifiers decide."""
    log.info("no case for the court: %s", why, extra={"lease": ground.held.lease_id})
