"""What matching does about each event that it is told of."""

from collections.abc import Mapping
from typing import Any, Final

from assay.matching.commits import commit, shortfall
from assay.matching.domain import (
    LAPSED,
    REJECTED,
    Ending,
    Job,
    execute,
    fail,
    fault,
    fund,
    interrupt,
    is_hopeless,
    lapse,
    shut_out,
    start,
    unfund,
    withdraw,
)
from assay.matching.grants import Ports, again, end, has_heir, refill, seek
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

FAILURES_MAX: Final = 2
"""So many providers say by the same code that a job cannot be done, and it ends."""
FAULTS_SAME_MAX: Final = 3
"""So often providers release it for the same fault, their own as they say, and it ends."""


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
    short = shortfall(job, said.event, leaves)
    if short:
        # The lease's own life has ended by its provider's word, so there is nothing left that could lapse.
        return await again(ports, job, interrupt(job, short, leaves, LAPSED), now_ms)
    return await end(ports, job, execute(job, said.event.result, leaves), now_ms)


async def on_lease_failed(said: Envelope[LeaseFailed], ports: Ports, now_ms: int) -> list[Event]:
    """Gives the rest to somebody else, whose word counts as much; ends the job if nobody is there, or says the same."""
    loaded = await _leased(ports, said, with_leaves=True)
    if loaded is None:
        return []
    ending = Ending(said.event.code, said.event.reason)
    if events := await _pass_on(ports, loaded, ending, FAILURES_MAX, now_ms):
        return events
    return await end(ports, loaded.job, fail(loaded.job, ending, loaded.leaves), now_ms)


async def on_lease_released(said: Envelope[LeaseReleased], ports: Ports, now_ms: int) -> list[Event]:
    """Gives the rest to somebody else.

    A provider that leaves by plan gets nothing before it is listed anew, nor does one that alone could do the job and
    is at fault. Of a job at which several fail it is the fault.
    """
    loaded = await _leased(ports, said, with_leaves=True)
    if loaded is None:
        return []
    ending = Ending(said.event.code or "lease.released", said.event.reason)
    job = fault(loaded.job, said.event.code) if said.event.code else loaded.job
    if said.event.code and (events := await _pass_on(ports, loaded, ending, FAULTS_SAME_MAX, now_ms)):
        return events
    if said.event.code and is_hopeless(job, FAULTS_SAME_MAX):
        return await end(ports, loaded.job, fail(job, ending, loaded.leaves), now_ms)
    await ports.supply.leave(said.event.provider)
    return await again(ports, loaded.job, interrupt(job, ending, loaded.leaves, None), now_ms)


async def _pass_on(ports: Ports, loaded: Loaded, ending: Ending, same_max: int, now_ms: int) -> list[Event]:
    """The events by which another gets what its provider cannot do; none if nobody does, or too many could not."""
    job = fault(loaded.job, ending.code)
    step = interrupt(job, ending, loaded.leaves, ending.code)
    if is_hopeless(job, same_max) or not await has_heir(ports, step[0], now_ms):
        return []
    return await again(ports, loaded.job, step, now_ms)


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
