"""The result: the artefact that the requester fetches is the one that follows from the last committed state."""

from typing import Final

from assay.proof.job_seal import UNOPENED
from assay.schema.errors import Refused
from assay.schema.verdict import Finding
from assay.verification.domain import Case
from assay.verification.methods.method import Method, Replayer
from assay.workloads.errors import BadCheckpoint


async def check(case: Case, replayer: Replayer) -> list[Finding]:
    """One finding for the lease that closed the job; none for others."""
    if case.result is None:
        return []
    last = case.commits[-1]
    finding = Finding(
        segment=last.segment, method="result", passed=False, code="segment.wrong_result", claimed=case.result
    )
    try:
        state, expected = await replayer.result(case.granted.spec, last.checkpoint)
    except Refused as refusal:
        # What the store has damaged was whole when it was committed to.
        if refusal.code not in ("blob.missing", UNOPENED):
            raise
        return [finding.model_copy(update={"code": "segment.withheld"})]
    except BadCheckpoint:
        return [finding.model_copy(update={"code": "segment.bad_checkpoint"})]
    if state != last.state_out:
        return [finding.model_copy(update={"code": "segment.wrong_checkpoint"})]
    passed = expected == case.result
    code = "segment.result_follows" if passed else "segment.wrong_result"
    return [finding.model_copy(update={"passed": passed, "code": code, "expected": expected})]


METHOD: Final = Method("result", tier="V0", misses_ppm=0, check=check)
