"""Weighing: what each revealed answer is worth against its seal, the claim and the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from assay.proof import answer as proof
from assay.schema.audit import AuditRevealed
from assay.schema.errors import Refused
from assay.schema.lease import LeaseCommitted
from assay.schema.verdict import Finding
from assay.verification.desk import Desk
from assay.verification.domain import Case
from assay.verification.domain.judging import CLAIM
from assay.verification.methods import comparison_of
from assay.verification.methods.method import Compared
from assay.verification.queries.questions import Audit
from assay.workloads.errors import BadCheckpoint

UNHELD: Final = ("blob.missing", "blob.mismatch")


@dataclass(frozen=True, slots=True)
class Weighed:
    """An answer: the group of equal ones that it is of, none if it is not what was sealed; and what it finds."""

    group: int | None
    finding: Finding


async def weigh(desk: Desk, case: Case, segment: int, audits: Sequence[Audit]) -> dict[str, Weighed]:
    """The answers to one question, by audit. Raises Refused, Unreachable if the claim itself cannot be fetched now."""
    scale = Scale(desk, case, segment, await desk.blobs.get(case.commit_of(segment).checkpoint))
    return {audit.audit_id: await scale.weigh(audit) for audit in audits}


class Scale:
    """The claim about one segment, and the answers that differ from it, one for each group."""

    def __init__(self, desk: Desk, case: Case, segment: int, claimed: bytes) -> None:
        self._desk, self._case, self._segment, self._claimed = desk, case, segment, claimed
        self._groups: list[bytes] = []
        self._before: bytes | None = None

    @property
    def _claim(self) -> LeaseCommitted:
        return self._case.commit_of(self._segment)

    async def weigh(self, audit: Audit) -> Weighed:
        """One answer."""
        said = audit.revealed
        assert said is not None
        names = (audit.audit_id, audit.verifier)
        if audit.seal != proof.seal(*names, said.answer, said.state, said.checkpoint, said.salt):
            return Weighed(None, self._finding(said, Compared(False, "audit.forged", 0.0)))
        if self._is_the_claim(audit, said):
            return Weighed(CLAIM, self._finding(said, Compared(True, "segment.equal", 0.0)))
        mine = await self._held(audit, said)
        if mine is None:
            return Weighed(None, self._finding(said, Compared(False, "audit.forged", 0.0)))
        compared = await self._compare(mine, self._claimed)
        group = CLAIM if compared.agrees else await self._group_of(mine)
        return Weighed(group, self._finding(said, compared))

    def _is_the_claim(self, audit: Audit, said: AuditRevealed) -> bool:
        """Whether the answer shows that the verifier has the very bytes that were claimed."""
        names = (said.checkpoint, said.state) == (self._claim.checkpoint, self._claim.state_out)
        return names and said.answer == proof.answer(audit.assigned.nonce, self._claimed)

    async def _held(self, audit: Audit, said: AuditRevealed) -> bytes | None:
        """The blob that was revealed, if it is what was sealed."""
        try:
            blob = await self._desk.blobs.get(said.checkpoint)
            digest = await self._desk.replayer.digest(self._case.granted.spec, blob)
        except Refused as refusal:
            if refusal.code not in UNHELD:
                raise
            return None
        except BadCheckpoint:
            return None
        return blob if (digest, proof.answer(audit.assigned.nonce, blob)) == (said.state, said.answer) else None

    async def _group_of(self, mine: bytes) -> int:
        """The number of the group of equal answers, from 1 on."""
        for number, theirs in enumerate(self._groups, 1):
            if (await self._compare(mine, theirs)).agrees:
                return number
        self._groups.append(mine)
        return len(self._groups)

    async def _compare(self, mine: bytes, theirs: bytes) -> Compared:
        spec = self._case.granted.spec
        return await comparison_of(spec.kind)(self._desk.replayer, spec, mine, theirs, self._fetch_before)

    async def _fetch_before(self) -> bytes:
        if self._before is None:
            checkpoint, spec = self._case.checkpoint_before(self._segment), self._case.granted.spec
            fetch = partial(self._desk.blobs.get, checkpoint) if checkpoint else None
            self._before = await (fetch() if fetch else self._desk.replayer.start_bytes(spec))
        return self._before

    def _finding(self, said: AuditRevealed, compared: Compared) -> Finding:
        return Finding(
            segment=self._segment,
            method="replay",
            passed=compared.agrees,
            code=compared.code,
            expected=said.state,
            claimed=self._claim.state_out,
            distance=compared.distance,
            compute_ms=said.compute_ms,
        )
