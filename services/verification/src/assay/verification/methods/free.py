"""Free checks: one chain of commitments, every segment moved the state, the root is theirs, nothing was signed twice.

They look at no tensor and miss nothing of what they look at; a provider that returns the previous checkpoint as new
work is found here.
"""

from typing import Final

from assay.proof.commitment import BrokenChain, check_chain, root_of
from assay.proof.order import spec_digest
from assay.schema.verdict import Finding
from assay.verification.domain import Case
from assay.verification.domain.verdicts import EQUIVOCATION, broken
from assay.verification.methods.method import Method, Replayer


async def check(case: Case, replayer: Replayer) -> list[Finding]:
    """A failed finding at the segment where the chain breaks; none if it holds."""
    if case.doubled is not None:
        return [broken(case, case.doubled, EQUIVOCATION)]
    spec = spec_digest(case.granted.spec)
    try:
        check_chain(case.commits, spec, resume=case.granted.resume)
    except BrokenChain as fault:
        return [broken(case, fault.segment, fault.code)]
    if root_of(case.commits, spec) != case.share.root:
        return [broken(case, case.commits[-1].segment, "commitment.wrong_root")]
    return []


METHOD: Final = Method("free", tier="V0", misses_ppm=0, check=check)
