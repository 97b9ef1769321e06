"""The presenter: makes what verifiers are shown of claims that they read, true or, of planted ones, mostly not."""

import logging
from typing import Final

from assay.schema.errors import AssayError
from assay.verification.desk import Desk
from assay.verification.domain import Case, look_seed, spoil_seed
from assay.verification.queries import cases, epochs, questions, verifiers
from assay.verification.queries.questions import Question

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
        by_lease = {case.granted.lease_id: case for case, _ in found}
        for question in claimed:
            seed = kept[question.epoch_id].seed
            assert seed is not None
            spoil = spoil_seed(secret, question.question_id) if question.is_planted else None
            await self._try(question, by_lease[question.lease_id], look_seed(seed, question.question_id), spoil)
        self._desk.bells.tend.set()
        return 0

    async def _try(self, question: Question, case: Case, seed: str, spoil: str | None) -> None:
        try:
            state = await self._desk.blobs.get(case.commit_of(question.segment).checkpoint)
            content = await self._desk.replayer.show(case.granted.spec, question.segment, state, seed, spoil)
            shown = await self._desk.blobs.put(content)
        except AssayError as error:
            log.warning("nothing can be shown yet: %s", error, extra={"lease": question.lease_id})
            async with self._desk.context.unit() as unit:
                await questions.release(unit.tx, [question.question_id], self._desk.now() + AGAIN_MS)
            return
        async with self._desk.context.unit() as unit:
            await questions.show(unit.tx, question.question_id, shown)
