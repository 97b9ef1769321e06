"""The presenter: makes what verifiers are shown of claims that they read, true or, of planted ones, mostly not."""

import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

from assay.schema.errors import AssayError
from assay.verification.desk import Desk
from assay.verification.domain import Case, look_seed, spoil_seed
from assay.verification.domain.placing import WRONG, group_of
from assay.verification.methods import METHODS
from assay.verification.methods.method import MachineFault
from assay.verification.queries import cases, epochs, questions, traces, twins, verifiers
from assay.verification.queries.questions import Question
from assay.verification.queries.traces import Opened

CLAIM_MS: Final = 60_000
AGAIN_MS: Final = 1_000
CLAIMS: Final = 64

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Made:
    """The blob that verifiers are shown; of a trace its root, and the group of who finds where it was made false."""

    shown: str
    root: str | None = None
    spoiled: int | None = None


class Presenter:
    """One presenter of a verification service. Replicas share the questions by claiming them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def turn(self) -> float | None:
        """Make what is to be shown now."""
        async with self._desk.context.unit() as unit:
            claimed = await questions.claim_unshown(unit.tx, self._desk.now(), CLAIM_MS, CLAIMS)
            if not claimed:
                return None
            secret = await verifiers.secret(unit.tx)
            found = await cases.cases(unit.tx, sorted({question.lease_id for question in claimed}))
            kept = await epochs.by_id(unit.tx, [question.epoch_id for question in claimed])
            opened = await traces.of_epochs(unit.tx, [question.epoch_id for question in claimed])
        by_lease = {case.granted.lease_id: case for case, _ in found}
        for question in claimed:
            seed = kept[question.epoch_id].seed
            assert seed is not None
            spoil = spoil_seed(secret, question.question_id) if question.is_planted else None
            case = by_lease[question.lease_id]
            if METHODS[question.method].is_opened:
                trace = opened[question.epoch_id][question.lease_id, question.segment]
                make: Awaitable[Made] = self._trace(case, question.segment, trace, spoil)
            else:
                make = self._show(case, question.segment, look_seed(seed, question.place_id), spoil)
            await self._try(question, make)
        self._desk.bells.tend.set()
        return 0

    async def _try(self, question: Question, make: Awaitable[Made]) -> None:
        try:
            made = await make
        except AssayError as error:
            log.warning("nothing can be shown yet: %s", error, extra={"lease": question.lease_id})
            async with self._desk.context.unit() as unit:
                if question.is_planted and isinstance(error, MachineFault):
                    # Of such a claim nothing false can be made; its own question finds out why.
                    await twins.forget(unit.tx, question.question_id)
                else:
                    await questions.release(unit.tx, [question.question_id], self._desk.now() + AGAIN_MS)
            return
        async with self._desk.context.unit() as unit:
            await questions.show(unit.tx, question.question_id, made.shown, made.root, made.spoiled)

    async def _show(self, case: Case, segment: int, seed: str, spoil: str | None) -> Made:
        """What is shown of a claim that is read."""
        spec, jobs = case.granted.spec, self._desk.jobs
        state = case.commit_of(segment).checkpoint
        return Made(await jobs.put(spec, await self._desk.replayer.show(spec, segment, state, seed, spoil)))

    async def _trace(self, case: Case, segment: int, opened: Opened, spoil: str | None) -> Made:
        """An opened trace, or a false one."""
        if spoil is None:
            return Made(opened.trace, opened.root)
        spec, jobs = case.granted.spec, self._desk.jobs
        false = await self._desk.replayer.spoil(spec, segment, opened.trace, spoil)
        group = group_of(WRONG, false.step, false.operator)
        return Made(await jobs.put(spec, false.content), false.root, group)
