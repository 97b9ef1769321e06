"""Verdicts: what findings mean for a lease, its epoch and its job. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from assay.schema.epoch import EpochClosed, EpochFault
from assay.schema.event import Event
from assay.schema.job import JobRejected, JobVerified
from assay.schema.lease import BLAMELESS, FORFEIT, NO_QUORUM, LeaseRejected, LeaseVerified
from assay.schema.values import NO_DIGEST, derive_id
from assay.schema.verdict import Finding, VerdictReached
from assay.verification.domain.case import Case

MILLION = 1_000_000
EQUIVOCATION = "commitment.equivocation"


@dataclass(frozen=True, slots=True)
class Audited:
    """What is kept of a judged lease until all of its job are judged."""

    lease_id: str
    passed: bool
    audit_ms: int
    job_ms: int


@dataclass(frozen=True, slots=True)
class Judged:
    """What the verdict of a lease names of its epoch: nothing, if a free check failed before there was one."""

    epoch_id: str | None = None
    block: int = 0
    seed: str = NO_DIGEST
    drawn: tuple[int, ...] = ()
    audit_ms: int = 0


def conclude(
    case: Case, judged: Judged, findings: Sequence[Finding]
) -> tuple[VerdictReached, LeaseVerified | LeaseRejected]:
    """The verdict on a lease and what it means for the lease: the first failed finding rejects it.

    One for which nobody is to blame does so only where there is no other: it must not hide what is slashed.
    """
    granted = case.granted
    verdict_id = derive_id("d", granted.lease_id, granted.fence, judged.seed)
    names = {"lease_id": granted.lease_id, "job_id": granted.job_id, "provider": granted.provider}
    fault = min((f for f in findings if not f.passed), key=lambda f: f.code in BLAMELESS, default=None)
    verdict = VerdictReached(
        **names,
        verdict_id=verdict_id,
        requester=granted.requester,
        epoch_id=judged.epoch_id,
        outcome="rejected" if fault else "passed",
        root=case.share.root,
        block=judged.block,
        seed=judged.seed,
        drawn=judged.drawn,
        findings=tuple(findings),
        audit_ms=judged.audit_ms,
        job_ms=case.job_ms,
    )
    fact = {**names, "fence": granted.fence, "verdict_id": verdict_id, "root": case.share.root}
    if fault:
        return verdict, LeaseRejected(**fact, segment=fault.segment, code=fault.code, epoch_id=judged.epoch_id)
    units = sum(c.units for c in case.commits)
    return verdict, LeaseVerified(**fact, segments=len(case.commits), units=units)


def forfeit(case: Case, fault: EpochFault) -> Finding:
    """What a rejected epoch means for a lease in it that is not at fault itself: all of the epoch is forfeit."""
    is_own = fault.lease_id == case.granted.lease_id
    segment = fault.segment if is_own else case.share.first_segment
    claimed = case.commit_of(segment).state_out
    code = fault.code if is_own else FORFEIT
    return Finding(segment=segment, method="epoch", passed=False, code=code, claimed=claimed)


def broken(case: Case, segment: int, code: str) -> Finding:
    """The failed finding about a segment's commitment; what was signed twice may lie beyond what counts."""
    counted = {commit.segment: commit for commit in case.commits}
    claimed = counted.get(segment, case.commits[-1]).state_out
    return Finding(segment=segment, method="free", passed=False, code=code, claimed=claimed)


def unseen(case: Case, drawn: Collection[int]) -> list[Finding]:
    """What keeps a lease from its pay that reaches hosts: a segment about which nobody was asked.

    Nothing is slashed for such work, so nothing deters, and only what all was looked at is paid.
    """
    if not case.granted.spec.reaches:
        return []
    left = [commit for commit in case.commits if commit.segment not in drawn]
    names = {"method": "epoch", "passed": False, "code": NO_QUORUM}
    return [Finding(segment=each.segment, claimed=each.state_out, **names) for each in left[:1]]


def apportion(audit_ms: int, job_ms: int, work_ms: int) -> int:
    """A lease's part of its epoch's audits, as its work is of the epoch's."""
    return audit_ms * job_ms // max(work_ms, 1)


def fact_of(epoch: EpochClosed) -> dict[str, str | int]:
    """What every event of the epoch names."""
    return {"epoch_id": epoch.epoch_id, "provider": epoch.provider, "number": epoch.number}


def conclude_job(job_id: str, requester: str, audits: Sequence[Audited]) -> Event:
    """What the verdicts on all leases of an executed job amount to."""
    audit_ms, job_ms = sum(a.audit_ms for a in audits), sum(a.job_ms for a in audits)
    share = audit_ms * MILLION // max(job_ms, 1)
    failed = [a.lease_id for a in audits if not a.passed]
    if failed:
        reason = f"{len(failed)} of {len(audits)} leases failed the audit: {', '.join(failed)}"[:400]
        return JobRejected(job_id=job_id, requester=requester, cost_share_ppm=share, reason=reason)
    return JobVerified(job_id=job_id, requester=requester, cost_share_ppm=share)
