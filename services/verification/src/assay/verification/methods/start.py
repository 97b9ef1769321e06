"""The start state: a job's first lease begins where the job says, never where the provider chooses."""

from typing import Final

from assay.schema.verdict import Finding
from assay.verification.domain import Case
from assay.verification.methods.method import Method, Replayer


async def check(case: Case, replayer: Replayer) -> list[Finding]:
    """One finding for a lease that starts at segment 0; none for one that resumes."""
    if case.granted.resume:
        return []
    first = case.commits[0]
    expected = await replayer.start(case.granted.spec)
    passed = expected == first.state_in
    code = "segment.start_matches" if passed else "segment.wrong_start"
    return [Finding(segment=0, method="start", passed=passed, code=code, expected=expected, claimed=first.state_in)]


METHOD: Final = Method("start", tier="V0", misses_ppm=0, check=check)
