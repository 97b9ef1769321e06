"""What matching does about each event that it is told of."""

from collections.abc import Mapping
from typing import Any, Final

from assay.matching.commits import commit, shortfall
from assay.matching.domain import (
    REJECTED,
    Ending,
    Job,
    execute,
    fail,
    fund,
    interrupt,
    lapse,
    shut_out,
    start,
    unfund,
    withdraw,
)
from assay.matching.grants import Ports, again, end, refill, seek
from assay.matching.queries import Loaded
from assay.matching.spares import advance
from assay.proof.commitment import leaf_of
from assay.proof.order import spec_digest
from assay.runtime import Handler
from assay.schema.errors import Retry
from assay.schema.event import Envelope, Event
from assay.schema.job import JobFunded, JobSubmitted, JobUnfunded, JobWithdrawn
from assay.schema.lease import (
    LeaseCommitted,
    LeaseExecuted,
    LeaseFailed,
    LeaseRejected,
    LeaseReleased,
    LeaseStarted,
)
from assay.schema.offer import OfferDelisted, OfferListed


async def on_offer_listed(said: Envelope[OfferListed], ports: Ports, now_ms: int) -> list[Event]:
    """Keeps the offer, and gives it to waiting jobs."""
    if not await ports.supply.list(said.event, said.time_ms):
        return []
    return await refill(ports, said.event.provider, now_ms)


async def on_offer_delisted(said: Envelope[OfferDelisted], ports: Ports, now_ms: int) -> list[Event]:
    """Takes the offer off; the leases that it has stay."""
    await ports.supply.delist(said.event.provider, said.event.offer_id, said.time_ms)
    return []


async def on_job_submitted(said: Envelope[JobSubmitted], ports: Ports, now_ms: int) -> list[Event]:
    """Keeps the job until its money is held."""
    event = said.event
    digest = spec_digest(event.spec)
    job = Job(event.job_id, event.requester, event.spec, digest, event.price_limit, event.deadline_ms)
    ports.jobs.bear(job)
    return []


async def on_job_funded(said: Envelope[JobFunded], ports: Ports, now_ms: int) -> list[Event]:
    """Gives the job to the best offer, unless it was withdrawn or its deadline passed meanwhile."""
    before = (await _known(ports, said.event.job_id)).job
    job, events = fund(before, now_ms)
    if job is before:
        return []
    return await end(ports, before, (job, events), now_ms) if events else await seek(ports, job, now_ms)


async def on_job_unfunded(said: Envelope[JobUnfunded], ports: Ports, now_ms: int) -> list[Event]:
    """Ends a job for which nothing was held."""
    job, _ = unfund((await _known(ports, said.event.job_id)).job)
    ports.jobs.save(job, now_ms)
    return []


async def on_job_withdrawn(said: Envelope[JobWithdrawn], ports: Ports, now_ms: int) -> list[Event]:
    """Cancels a living job; one that is not funded yet is cancelled once it is; one that ended stays as it is."""
    loaded = await _known(ports, said.event.job_id, with_leaves=True)
    return await end(ports, loaded.job, withdraw(loaded.job, loaded.leaves), now_ms)


async def on_lease_started(said: Envelope[LeaseStarted], ports: Ports, now_ms: int) -> list[Event]:
    """Says that the job runs."""
    loaded = await _leased(ports, said)
    if loaded is None:
        return []
    job, events = start(loaded.job)
    ports.jobs.start(job, said.event.lease_id, now_ms)
    return events


async def on_lease_committed(said: Envelope[LeaseCommitted], ports: Ports, now_ms: int) -> list[Event]:
    """Keeps how far the lease came, and tells the spare; one whose commitments do not chain ends here."""
    loaded = await _leased(ports, said)
    if loaded is None:
        return []
    match commit(loaded.job, said.event):
        case Job() as job:
            ports.jobs.commit(job, leaf_of(said.event, job.spec_digest))
            return advance(job)
        case Ending() as ending:
            full = await _known(ports, said.event.job_id, with_leaves=True)
            return await again(ports, full.job, lapse(full.job, ending, full.leaves), now_ms)
    return []


async def on_lease_executed(said: Envelope[LeaseExecuted], ports: Ports, now_ms: int) -> list[Event]:
    """Says that the job is executed; or, if the lease falls short of the plan, gives the rest to somebody else."""
    loaded = await _leased(ports, said, with_leaves=True)
    if loaded is None:
        return []
    job, leaves = loaded.job, loaded.leaves
    fault = shortfall(job, said.event, leaves)
    if fault:
        # The lease's own life has ended by its provider's word, so there is nothing left that could lapse.
        return await again(ports, job, interrupt(job, fault, leaves, exclude=True), now_ms)
    return await end(ports, job, execute(job, said.event.result, leaves), now_ms)


async def on_lease_failed(said: Envelope[LeaseFailed], ports: Ports, now_ms: int) -> list[Event]:
    """Ends the job: it cannot be done by anybody."""
    loaded = await _leased(ports, said, with_leaves=True)
    if loaded is None:
        return []
    return await end(ports, loaded.job, fail(loaded.job, said.event, loaded.leaves), now_ms)


async def on_lease_released(said: Envelope[LeaseReleased], ports: Ports, now_ms: int) -> list[Event]:
    """Gives the rest to somebody else; the provider leaves by plan and gets nothing before it is listed anew."""
    loaded = await _leased(ports, said, with_leaves=True)
    if loaded is None:
        return []
    await ports.supply.leave(said.event.provider)
    ending = Ending("lease.released", said.event.reason)
    return await again(ports, loaded.job, interrupt(loaded.job, ending, loaded.leaves, exclude=False), now_ms)


async def on_lease_rejected(said: Envelope[LeaseRejected], ports: Ports, now_ms: int) -> list[Event]:
    """Keeps the job from the provider whose work on it was proven false, should it live yet."""
    loaded = await ports.jobs.load(said.event.job_id)
    if loaded and loaded.job.is_alive:
        ports.jobs.save(shut_out(loaded.job, said.event.provider, REJECTED), now_ms)
    return []


async def _known(ports: Ports, job_id: str, with_leaves: bool = False) -> Loaded:
    loaded = await ports.jobs.load(job_id, with_leaves)
    if loaded is None:
        raise Retry(f"Job {job_id} is not known yet.")
    return loaded


async def _leased(ports: Ports, said: Envelope[Any], with_leaves: bool = False) -> Loaded | None:
    """The job whose open lease the event speaks of; None if that lease ended, for then the word changes nothing."""
    loaded = await ports.jobs.load(said.event.job_id, with_leaves)
    return loaded if loaded and loaded.job.lease and loaded.job.lease.is_of(said.event) else None


HANDLERS: Final[Mapping[type[Event], Handler]] = {
    OfferListed: on_offer_listed,
    OfferDelisted: on_offer_delisted,
    JobSubmitted: on_job_submitted,
    JobFunded: on_job_funded,
    JobUnfunded: on_job_unfunded,
    JobWithdrawn: on_job_withdrawn,
    LeaseStarted: on_lease_started,
    LeaseCommitted: on_lease_committed,
    LeaseExecuted: on_lease_executed,
    LeaseFailed: on_lease_failed,
    LeaseReleased: on_lease_released,
    LeaseRejected: on_lease_rejected,
}
