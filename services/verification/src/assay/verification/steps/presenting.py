"""The presenter: makes what verifiers are shown of claims that they read, true or, of planted ones, mostly not."""

import logging
from collections.abc import Awaitable
from typing import Final

from assay.schema.errors import AssayError
from assay.verification.desk import Desk
from assay.verification.domain import Case, look_seed, spoil_seed
from assay.verification.methods import METHODS
from assay.verification.queries import cases, epochs, questions, traces, verifiers
from assay.verification.queries.questions import Question
from assay.verification.queries.traces import Opened

CLAIM_MS: Final = 60_000
AGAIN_MS: Final = 1_000
CLAIMS: Final = 64

log = logging.getLogger(__name__)


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
                make: Awaitable[tuple[str, str | None]] = self._trace(case, question.segment, trace, spoil)
            else:
                make = self._show(case, question.segment, look_seed(seed, question.question_id), spoil)
            await self._try(question, make)
        self._desk.bells.tend.set()
        return 0

    async def _try(self, question: Question, make: Awaitable[tuple[str, str | None]]) -> None:
        try:
            shown, root = await make
        except AssayError as error:
            log.warning("nothing can be shown yet: %s", error, extra={"lease": question.lease_id})
            async with self._desk.context.unit() as unit:
                await questions.release(unit.tx, [question.question_id], self._desk.now() + AGAIN_MS)
            return
        async with self._desk.context.unit() as unit:
            await questions.show(unit.tx, question.question_id, shown, root)

    async def _show(self, case: Case, segment: int, seed: str, spoil: str | None) -> tuple[str, None]:
        """The blob of what is shown of a claim that is read."""
        state = await self._desk.blobs.get(case.commit_of(segment).checkpoint)
        content = await self._desk.replayer.show(case.granted.spec, segment, state, seed, spoil)
        return await self._desk.blobs.put(content), None

    async def _trace(self, case: Case, segment: int, opened: Opened, spoil: str | None) -> tuple[str, str]:
        """The blob and root of an opened trace, or of one that is false."""
        if spoil is None:
            return opened.trace, opened.root
        content = await self._desk.blobs.get(opened.trace)
        root, spoiled = await self._desk.replayer.spoil(case.granted.spec, segment, content, spoil)
        return await self._desk.blobs.put(spoiled), root
