"""What nobody can answer: when a drawn segment is given up, and which leases are not paid for it. Pure.

A segment is given up, not found false: what its program does elsewhere, how much memory it takes, or what its provider
left before it may be why, and which of these it was no verifier can prove.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from assay.proof.policy.asked import DECLINES_EACH, DECLINES_MAX, DECLINES_MIN
from assay.proof.unproven import is_spoken_for
from assay.schema.audit import AuditDeclined
from assay.schema.epoch import REASONS_MAX, DrawnSegment, Unproven
from assay.schema.lease import UNCHECKED, UNPROVEN
from assay.schema.values import Code, Digest
from assay.schema.verdict import Finding
from assay.verification.domain.asking import Candidate, Want, willing
from assay.verification.domain.case import Case

WAITS: Final = 3
"""So often an epoch's clock of what lacks an answer may begin: for what is shown, first answers, and confirmation."""

CODE_MAX: Final = 64


def is_unanswerable(
    want: Want, candidates: Sequence[Candidate], declined: Mapping[str, int], answered: Collection[str], now_ms: int
) -> bool:
    """Whether as many verifiers have declined, each so often, as need to: all who could be asked, or so many of them.

    Each is a bond of its own. Where they are few each declines twice: once may be an accident of its machine. Whoever
    was late, or is busy, could answer still.
    """
    if len(declined) >= DECLINES_MAX:
        return True
    could = {each.verifier for each in willing(replace(want, asked=()), candidates, now_ms)}
    cannot = {verifier for verifier, times in declined.items() if times >= DECLINES_EACH}
    return len(declined) >= DECLINES_MIN and could <= {*cannot, *answered}


def code_of(declined: AuditDeclined) -> Code:
    """Why a verifier declines, as it says, if that can be told to others."""
    return declined.code if len(declined.code) <= CODE_MAX else "audit.declined"


def unanswered(case: Case, segment: int, method: str) -> Finding:
    """The finding about a segment that nobody could answer."""
    claimed = case.commit_of(segment).state_out
    return Finding(segment=segment, method=method, passed=False, code=UNPROVEN, claimed=claimed)


def unproven_of(
    places: Sequence[DrawnSegment],
    drawn: Sequence[DrawnSegment],
    extra: Collection[tuple[str, int]],
    reasons: Mapping[str, int],
) -> Unproven | None:
    """What an epoch says of the segments that nobody could answer; None if there are none.

    What an order had drawn from its own job counts on neither side: it would make the others weigh less.
    """
    if not places:
        return None
    counted = sum((each.lease_id, each.segment) not in extra for each in places)
    told = dict(Counter(reasons).most_common(REASONS_MAX))
    return Unproven(segments=tuple(places), counted=counted, of=len(drawn) - len(extra), reasons=told)


def unchecked(case: Case, drawn: Collection[int], seed: Digest, unproven: Unproven | None) -> list[Finding]:
    """What keeps a lease from its pay for which a segment stood that nobody could answer.

    None where all of it was drawn: it was looked at, and nothing else stands for it.
    """
    granted, first = case.granted, case.commits[0]
    is_whole = all(commit.segment in drawn for commit in case.commits)
    if unproven is None or is_whole or not is_spoken_for(seed, granted.lease_id, unproven.counted, unproven.of):
        return []
    names = {"method": "epoch", "passed": False, "code": UNCHECKED}
    return [Finding(segment=first.segment, claimed=first.state_out, **names)]
