"""Weighing: what each revealed answer is worth against its seal, the claim and the others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from assay.proof import answer as proof
from assay.schema.audit import AuditRevealed
from assay.schema.errors import Refused
from assay.schema.lease import OTHER_CLASS, LeaseCommitted
from assay.schema.values import Digest
from assay.schema.verdict import Finding
from assay.verification.desk import Desk
from assay.verification.domain import Case
from assay.verification.domain.classes import Near, is_refused, is_same_class, tolerance_between
from assay.verification.domain.judging import CLAIM
from assay.verification.methods import method_of
from assay.verification.methods.method import UNHELD, Compared
from assay.verification.queries.questions import Audit
from assay.workloads.errors import BadCheckpoint

REFUSED: Final = -1
"""The group of those whose answer is near the claim, within honest noise, where the claim's own class refuses it."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """An answer: the group of equal ones that it is of, none if it is not what was sealed; and what it finds.

    Bits are asked of those that are of the claim's class.
    """

    group: int | None
    finding: Finding
    is_of_class: bool = False

    @property
    def is_near(self) -> bool:
        """Whether it lies as near to the claim as honest machines do."""
        return self.group in (CLAIM, REFUSED)


async def weigh(desk: Desk, case: Case, segment: int, audits: Sequence[Audit]) -> dict[str, Weighed]:
    """The answers to one question, by audit. Raises Refused, Unreachable if the claim itself cannot be fetched now."""
    claimed = await desk.jobs.read(case.granted.spec, case.commit_of(segment).checkpoint)
    scale = Scale(desk, case, segment, claimed)
    weighed = {audit.audit_id: await scale.weigh(audit) for audit in audits}
    nears = [near_of(each) for each in weighed.values() if each.group == CLAIM]
    if is_refused(nears, sum(each.group is not None for each in weighed.values())):
        return {audit_id: refused(each) for audit_id, each in weighed.items()}
    return weighed


def near_of(weighed: Weighed) -> Near:
    """What an answer near the claim says of it."""
    finding = weighed.finding
    assert finding.expected is not None
    return Near(finding.expected, weighed.is_of_class, finding.expected == finding.claimed)


def refused(weighed: Weighed) -> Weighed:
    """The answer where the claim's class refuses it: whoever is near the claim is against it."""
    if weighed.group != CLAIM:
        return weighed
    finding = weighed.finding.model_copy(update={"passed": False, "code": OTHER_CLASS})
    return replace(weighed, group=REFUSED, finding=finding)


def is_sealed(audit: Audit) -> bool:
    """Whether what was revealed is what was sealed."""
    said, names = audit.revealed, (audit.audit_id, audit.verifier)
    assert said is not None
    return audit.seal == proof.seal(*names, said.answer, said.state, said.checkpoint, said.salt)


class Scale:
    """The claim about one segment, and the answers that differ from it, one for each group."""

    def __init__(self, desk: Desk, case: Case, segment: int, claimed: bytes) -> None:
        self._desk, self._case, self._segment, self._claimed = desk, case, segment, claimed
        self._method = method_of(case.granted.spec)
        self._groups: list[tuple[bytes, Digest | None]] = []
        self._before: bytes | None = None

    @property
    def _claim(self) -> LeaseCommitted:
        return self._case.commit_of(self._segment)

    async def weigh(self, audit: Audit) -> Weighed:
        """One answer."""
        said = audit.revealed
        assert said is not None
        if not is_sealed(audit):
            return Weighed(None, self._finding(said, Compared(False, "audit.forged", 0.0)))
        if self._is_the_claim(audit, said):
            return Weighed(CLAIM, self._finding(said, Compared(True, "segment.equal", 0.0)), self._is_of_class(said))
        mine = await self._held(audit, said)
        if mine is None:
            return Weighed(None, self._finding(said, Compared(False, "audit.forged", 0.0)))
        compared = await self._compare(mine, said.machine, self._claimed, self._claim.machine)
        group = CLAIM if compared.agrees else await self._group_of(mine, said.machine)
        return Weighed(group, self._finding(said, compared), self._is_of_class(said))

    def _is_the_claim(self, audit: Audit, said: AuditRevealed) -> bool:
        """Whether the answer shows that the verifier has the very bytes that were claimed."""
        names = (said.checkpoint, said.state) == (self._claim.checkpoint, self._claim.state_out)
        return names and said.answer == proof.answer(audit.assigned.nonce, self._claimed)

    async def _held(self, audit: Audit, said: AuditRevealed) -> bytes | None:
        """The blob that was revealed, if it is what was sealed."""
        spec = self._case.granted.spec
        try:
            blob = await self._desk.jobs.read(spec, said.checkpoint)
            digest = await self._desk.replayer.digest(spec, blob)
        except Refused as refusal:
            if refusal.code not in UNHELD:
                raise
            return None
        except BadCheckpoint:
            return None
        return blob if (digest, proof.answer(audit.assigned.nonce, blob)) == (said.state, said.answer) else None

    async def _group_of(self, mine: bytes, machine: Digest | None) -> int:
        """The number of the group of equal answers, from 1 on."""
        for number, theirs in enumerate(self._groups, 1):
            if (await self._compare(mine, machine, *theirs)).agrees:
                return number
        self._groups.append((mine, machine))
        return len(self._groups)

    async def _compare(self, mine: bytes, here: Digest | None, theirs: bytes, there: Digest | None) -> Compared:
        """Whether two answers are as near to each other as honest ones of these two classes are."""
        spec, compare = self._case.granted.spec, self._method.compare
        assert compare is not None
        compared = await compare(self._desk.replayer, spec, mine, theirs, self._fetch_before)
        return compared.within(tolerance_between(spec, here, there, self._desk.calibrations, self._desk.now()))

    async def _fetch_before(self) -> bytes:
        if self._before is None:
            checkpoint, spec = self._case.checkpoint_before(self._segment), self._case.granted.spec
            fetch = partial(self._desk.jobs.read, spec, checkpoint) if checkpoint else None
            self._before = await (fetch() if fetch else self._desk.replayer.start_bytes(spec))
        return self._before

    def _name(self, said: AuditRevealed) -> str:
        """The tier that the comparison was of."""
        in_class = self._method.in_class if self._is_of_class(said) else None
        return in_class or self._method.name

    def _is_of_class(self, said: AuditRevealed) -> bool:
        return self._method.in_class is not None and is_same_class(said.machine, self._claim.machine)

    def _finding(self, said: AuditRevealed, compared: Compared) -> Finding:
        return Finding(
            segment=self._segment,
            method=self._name(said),
            passed=compared.agrees,
            code=compared.code,
            expected=said.state,
            claimed=self._claim.state_out,
            distance=compared.distance,
            compute_ms=said.compute_ms,
        )
