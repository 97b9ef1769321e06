"""A job as matching leads it: funded, granted, started, committed, and every way in which it may end. Pure.

Each function takes the job and gives the job after it with the events to say. The job's state moves only by the table
of `assay.schema.job`; at most one lease is open at a time, and each grant of the part raises the fence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from assay.matching.offers import ListedOffer
from assay.proof.commitment import lease_root
from assay.proof.policy import ordered_units
from assay.schema.event import Event
from assay.schema.job import (
    JOB_LIFE,
    JobCancelled,
    JobExecuted,
    JobExpired,
    JobFailed,
    JobFunded,
    JobInterrupted,
    JobMatched,
    JobSpec,
    JobStarted,
    JobState,
    JobUnfunded,
    JobWaiting,
    LeaseShare,
)
from assay.schema.lease import LeaseFact, LeaseGranted, LeaseLapsed, ResumePoint
from assay.schema.values import NO_DIGEST, cost_of, derive_id

LAPSED: Final = "provider.lapsed"
REJECTED: Final = "provider.rejected"
FAULTS_MAX: Final = 5
"""So many faults end a job, whatever their codes."""
ALIVE: Final = frozenset({JobState.FUNDED, JobState.MATCHED, JobState.RUNNING})


@dataclass(frozen=True, slots=True)
class Lease:
    """The open lease of a job, and how far it has committed. `point` is where another would carry on."""

    lease_id: str
    provider: str
    fence: int
    mega_unit_price: int
    first_segment: int
    next_segment: int
    point: ResumePoint | None = None
    units: int = 0
    is_started: bool = False

    def is_of(self, said: LeaseFact) -> bool:
        """Whether the event speaks of this very grant."""
        return (self.lease_id, self.provider, self.fence) == (said.lease_id, said.provider, said.fence)


@dataclass(frozen=True, slots=True)
class Spare:
    """Who keeps warm for a job, and which spare of it that is."""

    spare_id: str
    provider: str


@dataclass(frozen=True, slots=True)
class Job:
    """One job: its order, its open lease and spare, what the leases before it left, and why it waits, as last said.

    `faults` are the codes by which providers have said that it cannot be done, or not by them.
    """

    job_id: str
    requester: str
    spec: JobSpec
    spec_digest: str
    price_limit: int
    deadline_ms: int
    state: JobState = JobState.SUBMITTED
    is_withdrawn: bool = False
    fence: int = 0
    spent: int = 0
    resume: ResumePoint | None = None
    past: tuple[LeaseShare, ...] = ()
    excluded: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    lease: Lease | None = None
    spare: Spare | None = None
    reasons: tuple[str, ...] = ()

    @property
    def next_segment(self) -> int:
        """The first segment that no ended lease has committed."""
        return self.resume.segment + 1 if self.resume else 0

    @property
    def units_left(self) -> int:
        """The cost of the segments that a new lease would have to run."""
        return (self.spec.segments - self.next_segment) * self.spec.segment_units

    @property
    def budget(self) -> int:
        """What is left of the price limit for them."""
        return self.price_limit - self.spent

    @property
    def units_billed(self) -> int:
        """The cost of these segments, and of the audits that the order asks for and pays for."""
        return self.units_left + ordered_units(self.spec)

    @property
    def price_max(self) -> int:
        """The highest price per million units at which the segments left, and their audits, fit the budget."""
        return ((self.budget + 1) * 1_000_000 - 1) // max(1, self.units_billed)

    @property
    def is_alive(self) -> bool:
        """Whether the job is funded and has not ended."""
        return self.state in ALIVE


Step: TypeAlias = tuple[Job, list[Event]]


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a lease ends before its work is done."""

    code: str
    reason: str


CANCELLED: Final = Ending("job.over", "The requester withdrew the job.")
EXPIRED: Final = Ending("job.past_deadline", "The job's deadline passed.")


def fund(job: Job, now_ms: int) -> Step:
    """The job with its money held; one that was withdrawn or came too late meanwhile ends here."""
    if job.state is not JobState.SUBMITTED:
        return job, []
    job = replace(job, state=JOB_LIFE.advance(job.state, JobFunded))
    if job.is_withdrawn:
        return cancel(job, ())
    return expire(job, ()) if now_ms >= job.deadline_ms else (job, [])


def unfund(job: Job) -> Step:
    """The job at its end, without money."""
    if job.state is not JobState.SUBMITTED:
        return job, []
    return replace(job, state=JOB_LIFE.advance(job.state, JobUnfunded)), []


def withdraw(job: Job, leaves: Sequence[bytes]) -> Step:
    """The job cancelled; before it is funded only noted as withdrawn, for its money may be on the way."""
    if job.is_alive:
        return cancel(replace(job, is_withdrawn=True), leaves)
    return (replace(job, is_withdrawn=True) if job.state is JobState.SUBMITTED else job), []


def grant(job: Job, offer: ListedOffer) -> Step:
    """The job with a lease for the segments left, under the next fence."""
    assert job.lease is None, "a job has one open lease at most"
    fence, first = job.fence + 1, job.next_segment
    lease_id = derive_id("l", job.job_id, fence)
    lease = Lease(lease_id, offer.provider, fence, offer.mega_unit_price, first, first)
    granted = LeaseGranted(
        lease_id=lease_id,
        job_id=job.job_id,
        provider=offer.provider,
        fence=fence,
        requester=job.requester,
        offer_id=offer.offer_id,
        spec=job.spec,
        mega_unit_price=offer.mega_unit_price,
        resume=job.resume,
        deadline_ms=job.deadline_ms,
    )
    matched = JobMatched(job_id=job.job_id, requester=job.requester, lease_id=lease_id, provider=offer.provider)
    return say(replace(job, fence=fence, lease=lease, reasons=()), matched, [granted])


def wait(job: Job, reasons: Mapping[str, int]) -> Step:
    """The job waiting; its requester is told when the reasons are others than before, not when only numbers change."""
    names = tuple(sorted(reasons))
    if names == job.reasons:
        return job, []
    waiting = JobWaiting(job_id=job.job_id, requester=job.requester, reasons=dict(reasons))
    return replace(job, reasons=names), [waiting]


def start(job: Job) -> Step:
    """The job with its lease begun; said twice, it is begun once."""
    lease = open_lease(job)
    if lease.is_started:
        return job, []
    started = JobStarted(job_id=job.job_id, requester=job.requester, lease_id=lease.lease_id)
    return say(replace(job, lease=replace(lease, is_started=True)), started, [])


def execute(job: Job, result: str, leaves: Sequence[bytes]) -> Step:
    """The job done: every segment of the plan is committed."""
    job = close(job, leaves)
    return say(job, JobExecuted(job_id=job.job_id, requester=job.requester, leases=job.past, result=result), [])


def interrupt(job: Job, ending: Ending, leaves: Sequence[bytes], exclude: str | None) -> Step:
    """The job waiting for another lease from the last committed segment; `exclude` is why not of the same provider."""
    lease = open_lease(job)
    job = close(job, leaves)
    if exclude:
        job = shut_out(job, lease.provider, exclude)
    reason = f"{ending.code}: {ending.reason}"[:400]
    interrupted = JobInterrupted(job_id=job.job_id, requester=job.requester, lease_id=lease.lease_id, reason=reason)
    return say(job, interrupted, [])


def lapse(job: Job, ending: Ending, leaves: Sequence[bytes]) -> Step:
    """The job interrupted because its lease ended without its provider, which it is not given to again."""
    lapsed = end_lease(job, ending)
    job, events = interrupt(job, ending, leaves, LAPSED)
    return job, [*lapsed, *events]


def fault(job: Job, code: str) -> Job:
    """The job of which one more provider has said that it cannot do it."""
    return replace(job, faults=(*job.faults, code))


def is_hopeless(job: Job, same_max: int) -> bool:
    """Whether nobody can be expected to do the job: its last fault was said so often, or too many of any kind were."""
    return len(job.faults) >= FAULTS_MAX or job.faults.count(job.faults[-1]) >= same_max


def fail(job: Job, ending: Ending, leaves: Sequence[bytes]) -> Step:
    """The job at its end, because it cannot be done."""
    job = close(job, leaves)
    why = {"code": ending.code, "reason": ending.reason}
    return say(job, JobFailed(job_id=job.job_id, requester=job.requester, leases=job.past, **why), [])


def cancel(job: Job, leaves: Sequence[bytes]) -> Step:
    """The job at its end, because its requester wants it no more."""
    lapsed, job = end_lease(job, CANCELLED), close(job, leaves)
    return say(job, JobCancelled(job_id=job.job_id, requester=job.requester, leases=job.past), lapsed)


def expire(job: Job, leaves: Sequence[bytes]) -> Step:
    """The job at its end, because its deadline passed."""
    lapsed, job = end_lease(job, EXPIRED), close(job, leaves)
    return say(job, JobExpired(job_id=job.job_id, requester=job.requester, leases=job.past), lapsed)


def shut_out(job: Job, provider: str, reason: str) -> Job:
    """The job that this provider never gets again, and why."""
    return replace(job, excluded={**job.excluded, provider: reason})


def open_lease(job: Job) -> Lease:
    """The job's open lease, which must be there."""
    assert job.lease is not None, "the job has no open lease"
    return job.lease


def end_lease(job: Job, ending: Ending) -> list[Event]:
    """The event that ends the open lease, if there is one."""
    lease = job.lease
    if lease is None:
        return []
    fact = {"lease_id": lease.lease_id, "provider": lease.provider, "fence": lease.fence}
    return [LeaseLapsed(job_id=job.job_id, code=ending.code, reason=ending.reason, **fact)]


def close(job: Job, leaves: Sequence[bytes]) -> Job:
    """The job after its open lease, if there is one: its share is kept under the root over its commitments' leaves."""
    lease = job.lease
    if lease is None:
        return job
    share = LeaseShare(
        lease_id=lease.lease_id,
        provider=lease.provider,
        fence=lease.fence,
        first_segment=lease.first_segment,
        segments=lease.next_segment - lease.first_segment,
        mega_unit_price=lease.mega_unit_price,
        root=lease_root(leaves) if leaves else NO_DIGEST,
    )
    spent = job.spent + cost_of(lease.units, lease.mega_unit_price)
    return replace(job, lease=None, past=(*job.past, share), spent=spent, resume=lease.point or job.resume)


def say(job: Job, event: Event, before: Sequence[Event]) -> Step:
    """The job moved by the event, as the table has it, and the events in their order."""
    return replace(job, state=JOB_LIFE.advance(job.state, type(event))), [*before, event]
