"""History: the last checkpoint of a lease is the state that it committed to, and holds what was committed before.

Of text a segment is read by itself, so what a checkpoint says of the segments before it is held against the commitments
here: without that, who wrote well could deliver something else. From the last checkpoint of a lease that did not end
its job another goes on, so that one is looked at for every kind of work. A blob that is gone was there when it was
committed to, and blames nobody; one that its job's key does not open never was there for anybody.
"""

from typing import Final

from assay.proof.job_seal import UNOPENED
from assay.schema.errors import Refused
from assay.schema.verdict import Finding
from assay.verification.checkpoints import BAD, fault_after, is_chained
from assay.verification.domain import Case
from assay.verification.methods.method import UNHELD, Method, Replayer
from assay.workloads.errors import BadCheckpoint


async def check(case: Case, replayer: Replayer) -> list[Finding]:
    """A failed finding about the last checkpoint; none if it is right, or `result` looks at it."""
    last = case.commits[-1]
    if case.result is not None and not is_chained(case.granted.spec):
        return []
    try:
        code = await fault_after(case, last.segment, replayer)
    except BadCheckpoint:
        code = BAD
    except Refused as refusal:
        if refusal.code not in UNHELD:
            raise
        code = "segment.withheld" if refusal.code == UNOPENED else None
    if code is None:
        return []
    return [Finding(segment=last.segment, method="history", passed=False, code=code, claimed=last.state_out)]


METHOD: Final = Method("history", tier="V0", misses_ppm=0, check=check)
