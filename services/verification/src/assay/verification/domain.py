"""What an audit draws, what its findings amount to, and when a job's audits are done. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from assay.proof.sampling import draw, seed
from assay.schema.event import Event
from assay.schema.job import JobRejected, JobVerified, LeaseShare
from assay.schema.lease import LeaseCommitted, LeaseGranted, LeaseRejected, LeaseVerified
from assay.schema.values import Digest, derive_id
from assay.schema.verdict import Finding, VerdictReached

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Case:
    """What an audit is about: the grant, what was committed under it, and the result if the lease closed the job."""

    granted: LeaseGranted
    share: LeaseShare
    commits: tuple[LeaseCommitted, ...]
    result: Digest | None

    @property
    def job_ms(self) -> int:
        """The compute that the provider says it spent, in milliseconds."""
        return sum(c.compute_ms for c in self.commits)

    def checkpoint_before(self, segment: int) -> Digest | None:
        """The blob of the checkpoint that a segment started from; None for the job's start state."""
        first = self.share.first_segment
        if segment > first:
            return self.commits[segment - first - 1].checkpoint
        return self.granted.resume.checkpoint if self.granted.resume else None

    def commit_of(self, segment: int) -> LeaseCommitted:
        """What was committed for a segment."""
        return self.commits[segment - self.share.first_segment]


@dataclass(frozen=True, slots=True)
class Draw:
    """Which segments are checked, and what that follows from."""

    block: int
    seed: Digest
    segments: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Audited:
    """What is kept of a finished audit until all of its job are done."""

    lease_id: str
    passed: bool
    audit_ms: int
    job_ms: int


def case_of(granted: LeaseGranted, share: LeaseShare, commits: Sequence[LeaseCommitted], result: Digest | None) -> Case:
    """The case about what the share counts: a commitment that came after the lease had ended is nobody's claim."""
    counted = range(share.first_segment, share.first_segment + share.segments)
    return Case(granted, share, tuple(commit for commit in commits if commit.segment in counted), result)


def draw_segments(case: Case, block: int, block_hash: bytes) -> Draw:
    """The draw for a case: at least as many segments as the job's policy asks, in proportion to cost."""
    drawn_seed = seed(block_hash, case.share.root)
    costs = [c.units for c in case.commits]
    k = min(case.granted.spec.policy.audit_segments, len(costs))
    indices = draw(drawn_seed, costs, k)
    return Draw(block, drawn_seed, tuple(case.share.first_segment + i for i in indices))


def conclude(
    case: Case, drawn: Draw, findings: Sequence[Finding]
) -> tuple[VerdictReached, LeaseVerified | LeaseRejected]:
    """The verdict on a lease and what it means for the lease: the first failed finding rejects it."""
    granted = case.granted
    verdict_id = derive_id("d", granted.lease_id, granted.fence, drawn.seed)
    fact = {
        "lease_id": granted.lease_id,
        "job_id": granted.job_id,
        "provider": granted.provider,
        "fence": granted.fence,
    }
    fault = next((f for f in findings if not f.passed), None)
    verdict = VerdictReached(
        verdict_id=verdict_id,
        lease_id=granted.lease_id,
        job_id=granted.job_id,
        provider=granted.provider,
        requester=granted.requester,
        outcome="rejected" if fault else "passed",
        root=case.share.root,
        block=drawn.block,
        seed=drawn.seed,
        drawn=drawn.segments,
        findings=tuple(findings),
        audit_ms=sum(f.compute_ms for f in findings),
        job_ms=case.job_ms,
    )
    if fault:
        rejected = LeaseRejected(
            **fact, verdict_id=verdict_id, segment=fault.segment, code=fault.code, root=case.share.root
        )
        return verdict, rejected
    units = sum(c.units for c in case.commits)
    verified = LeaseVerified(
        **fact, verdict_id=verdict_id, segments=len(case.commits), units=units, root=case.share.root
    )
    return verdict, verified


def conclude_job(job_id: str, requester: str, audits: Sequence[Audited]) -> Event:
    """What the audits of all leases of an executed job amount to."""
    audit_ms, job_ms = sum(a.audit_ms for a in audits), sum(a.job_ms for a in audits)
    share = audit_ms * MILLION // max(job_ms, 1)
    failed = [a.lease_id for a in audits if not a.passed]
    if failed:
        reason = f"{len(failed)} of {len(audits)} leases failed the audit: {', '.join(failed)}"[:400]
        return JobRejected(job_id=job_id, requester=requester, cost_share_ppm=share, reason=reason)
    return JobVerified(job_id=job_id, requester=requester, cost_share_ppm=share)
