"""Free checks: the commitments form a chain, every segment moved the state, and the root is theirs.

They look at no tensor and miss nothing of what they look at; a provider that returns the previous checkpoint as new
work is found here.
"""

from assay.proof.commitment import BrokenChain, check_chain, root_of
from assay.proof.order import spec_digest
from assay.schema.verdict import Finding
from assay.verification.domain import Case, Draw
from assay.verification.methods.method import Replayer


async def check(case: Case, drawn: Draw, replayer: Replayer) -> list[Finding]:
    """A failed finding at the segment where the chain breaks; none if it holds."""
    spec = spec_digest(case.granted.spec)
    try:
        check_chain(case.commits, spec, resume=case.granted.resume)
    except BrokenChain as broken:
        return [_finding(case, broken.segment, broken.code)]
    if root_of(case.commits, spec) != case.share.root:
        return [_finding(case, case.commits[-1].segment, "commitment.wrong_root")]
    return []


def _finding(case: Case, segment: int, code: str) -> Finding:
    claimed = case.commit_of(segment).state_out
    return Finding(segment=segment, method="free", passed=False, code=code, claimed=claimed)
