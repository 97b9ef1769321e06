"""Replay: a drawn segment is run again from its committed input state and compared.

Bit-equal passes (class-exact). Where another kernel rounds differently, the distance to the claimed state, in units of
the segment's own update, must stay below TOLERANCE: 20 times the worst honest distance measured for float32 across
instruction sets, and a twelfth of the weakest cheat's (docs/adr/0006-numerics.md).
"""

from typing import Final

from assay.schema.errors import Refused
from assay.schema.verdict import Finding
from assay.verification.domain import Case, Draw
from assay.verification.methods.method import Replayer
from assay.workloads.errors import BadCheckpoint

TOLERANCE: Final = 3e-4


async def check(case: Case, drawn: Draw, replayer: Replayer) -> list[Finding]:
    """A finding for each drawn segment, up to the first that fails."""
    findings: list[Finding] = []
    for segment in drawn.segments:
        findings.append(await _check_segment(case, segment, replayer))
        if not findings[-1].passed:
            break
    return findings


async def _check_segment(case: Case, segment: int, replayer: Replayer) -> Finding:
    claim, before = case.commit_of(segment), case.checkpoint_before(segment)
    finding = Finding(segment=segment, method="replay", passed=False, code="segment.mismatch", claimed=claim.state_out)
    try:
        if await replayer.state(before) != claim.state_in:
            return finding.model_copy(update={"code": "segment.wrong_checkpoint"})
        mine = await replayer.segment(segment, before)
        found = {"expected": mine.state_digest, "compute_ms": mine.compute_ms}
        if mine.state_digest == claim.state_out:
            return finding.model_copy(update=found | {"passed": True, "code": "segment.equal", "distance": 0.0})
        distance = await replayer.distance(mine, claim.checkpoint, before)
    except Refused as refusal:
        if refusal.code != "blob.missing":
            raise
        return finding.model_copy(update={"code": "segment.withheld"})
    except BadCheckpoint:
        return finding.model_copy(update={"code": "segment.bad_checkpoint"})
    near = distance <= TOLERANCE
    code = "segment.within_tolerance" if near else "segment.mismatch"
    return finding.model_copy(update=found | {"passed": near, "code": code, "distance": min(distance, 1e30)})
