"""Giving jobs to offers: the choice is made in memory, the slot is taken in Postgres."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from assay.matching.book import Book
from assay.matching.choice import choose
from assay.matching.domain import Job, Step, grant, wait
from assay.matching.liveness import Liveness, Patience
from assay.matching.offers import ListedOffer, Match
from assay.matching.queries import Jobs
from assay.matching.spares import GRANTED, OVER, dismiss
from assay.matching.supply import Supply
from assay.schema.event import Event
from assay.schema.job import JobFunded, JobSubmitted, JobWithdrawn
from assay.schema.lease import LeaseExecuted, LeaseFailed, LeaseReleased
from assay.store import Transaction

# A choice that fails at the slot was made on stale knowledge; after so many the job waits for the next look.
TRIES: Final = 4
# So many waiting jobs are looked at when a slot comes free.
REFILL_MAX: Final = 16
NEED_LEAVES: Final = (JobWithdrawn, LeaseExecuted, LeaseFailed, LeaseReleased)


@dataclass(frozen=True, slots=True)
class Ports:
    """What a handler may use: jobs, offers, who was heard, and how long silence is borne."""

    jobs: Jobs
    supply: Supply
    liveness: Liveness
    patience: Patience

    @classmethod
    def over(cls, tx: Transaction, book: Book, liveness: Liveness, patience: Patience) -> "Ports":
        """The ports of one transaction, over what this process knows of offers and heartbeats."""
        return cls(Jobs(tx), Supply(tx, book), liveness, patience)

    def excluded(self, job: Job) -> dict[str, str]:
        """The providers that are out of the question for the job, and why."""
        return {**self.liveness.silent, **job.excluded}

    async def look(self) -> None:
        """Brings the book of offers to what is committed, and to what this transaction did."""
        if self.supply.is_stale:
            await self.jobs.write()
            await self.supply.refresh()


async def prepare(ports: Ports, events: Sequence[Event]) -> None:
    """Reads the jobs of a batch."""
    known = {event.job_id for event in events if hasattr(event, "job_id") and not isinstance(event, JobSubmitted)}
    await ports.jobs.load_all(sorted(known), with_leaves=any(isinstance(event, NEED_LEAVES) for event in events))
    ports.jobs.at_once = sum(isinstance(event, JobFunded) for event in events)


async def flush(ports: Ports) -> None:
    """Writes what the handlers of a transaction have changed of jobs."""
    await ports.jobs.write()


async def seek(ports: Ports, job: Job, now_ms: int) -> list[Event]:
    """The events of a grant to the job's spare, else to the best offer, or of the wait for one; the job is kept."""
    if events := await call_spare(ports, job, now_ms):
        return events
    found: Match | dict[str, int] = {}
    for _ in range(TRIES):
        await ports.look()
        found = ports.supply.book.find(job, now_ms, ports.excluded(job))
        if not isinstance(found, Match):
            break
        events = await give(ports, job, found.offer, now_ms)
        if events:
            return events
    waiting, events = wait(job, {"slots.taken": 1} if isinstance(found, Match) else found)
    ports.jobs.save(waiting, now_ms)
    return events


async def call_spare(ports: Ports, job: Job, now_ms: int) -> list[Event]:
    """The events of a grant to the provider that keeps warm for the job; none if it is out of the question by now."""
    if job.spare is None:
        return []
    await ports.look()
    offer = ports.supply.book.offers.get(job.spare.provider)
    fits = offer and isinstance(choose(job, [offer], now_ms, ports.excluded(job)), Match)
    return await give(ports, job, offer, now_ms) if offer and fits else []


async def give(ports: Ports, job: Job, offer: ListedOffer, now_ms: int) -> list[Event]:
    """The events of a grant to this offer; none if it has no slot for it after all."""
    granted, events = grant(job, offer)
    called = job.spare if job.spare and job.spare.provider == offer.provider else None
    granted, ended = dismiss(granted, GRANTED) if called else (granted, [])
    if await ports.jobs.grant(granted, offer, now_ms):
        ports.supply.took(offer.provider, 1)
        if called:
            ports.jobs.dismiss(called)
        return [*events, *ended]
    ports.supply.doubt(offer.provider)
    return []


async def refill(ports: Ports, provider: str, now_ms: int) -> list[Event]:
    """The events of grants to a provider that may have free slots, to the jobs that have waited longest."""
    if provider not in ports.supply.book.offers:
        await ports.look()
    offer = ports.supply.book.offers.get(provider)
    if offer is None or not offer.is_free:
        return []
    events: list[Event] = []
    for job in await ports.jobs.waiting_for(offer, REFILL_MAX):
        offer = ports.supply.book.offers.get(provider)
        if offer is None or not offer.is_free:
            break
        if isinstance(choose(job, [offer], now_ms, ports.excluded(job)), Match):
            events += await give(ports, job, offer, now_ms)
    return events


async def end(ports: Ports, job: Job, step: Step, now_ms: int) -> list[Event]:
    """The events of a step that ends the job, whose slot goes to a waiting one at once; its spare is let go."""
    after, let_go = dismiss(step[0], OVER)
    if job.spare:
        ports.jobs.dismiss(job.spare)
    events = [*await keep(ports, job, (after, step[1]), now_ms), *let_go]
    return events if job.lease is None else [*events, *await refill(ports, job.lease.provider, now_ms)]


async def has_heir(ports: Ports, job: Job, now_ms: int) -> bool:
    """Whether an offer fits the job that a lapse leaves."""
    await ports.look()
    return isinstance(ports.supply.book.find(job, now_ms, ports.excluded(job)), Match)


async def again(ports: Ports, job: Job, step: Step, now_ms: int) -> list[Event]:
    """The events of a step that ends the lease but not the job, and of the next grant or wait."""
    return [*await keep(ports, job, step, now_ms), *await seek(ports, step[0], now_ms)]


async def keep(ports: Ports, job: Job, step: Step, now_ms: int) -> list[Event]:
    """The events of a step, once the job after it is kept and the lease before it is closed."""
    after, events = step
    if job.lease is None:
        ports.jobs.save(after, now_ms)
    else:
        await ports.jobs.close(after, job.lease.lease_id, now_ms)
        ports.supply.took(job.lease.provider, -1)
    return events
