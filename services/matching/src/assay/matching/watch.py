"""What only time brings: another look at waiting jobs, leases that lapse, jobs past their deadline, spares."""

from collections import Counter
from typing import Final

from assay.matching.domain import Ending, Job, expire, lapse
from assay.matching.grants import Ports, again, end, has_heir, seek
from assay.matching.liveness import CUT_OFF, Held
from assay.matching.spares import crowded, dismiss, find, stand_by
from assay.runtime import Timer
from assay.schema.event import Event

WATCH_S: Final = 1.0
# Slots that come free are given away at once; this look is for what slips by, so it may be slow.
TRIED_MS: Final = 2_000
# A spare only matters once a provider has fallen, and takes its time to get warm.
SOUGHT_MS: Final = 10_000
TICK_MAX: Final = 64


async def look_again(ports: Ports, now_ms: int) -> list[Event]:
    """The events of another look at jobs that were not tried for a while, the longest first."""
    events: list[Event] = []
    for job in await ports.jobs.untried(now_ms - TRIED_MS, TICK_MAX):
        events += await seek(ports, job, now_ms)
    return events


async def lapse_overdue(ports: Ports, now_ms: int) -> list[Event]:
    """The events of leases whose providers were silent for too long, or did not begin.

    Of one whose provider's line was closed, only if somebody else can carry on: nothing is gained else.
    """
    if not ports.liveness.is_proven(now_ms):
        return []
    found = ports.liveness.overdue(await ports.jobs.held(), now_ms, ports.patience)
    overdue = sorted(found, key=lambda each: each[1] is CUT_OFF)[:TICK_MAX]
    endings = {held.lease_id: ending for held, ending in overdue}
    events: list[Event] = []
    free = await ports.jobs.lock([held.job_id for held, _ in overdue]) if overdue else set()
    for loaded in await ports.jobs.load_all(sorted(free), with_leaves=True):
        job = loaded.job
        if job.lease and job.lease.lease_id in endings:
            ending = endings[job.lease.lease_id]
            step = lapse(job, ending, loaded.leaves)
            if ending is not CUT_OFF or await has_heir(ports, step[0], now_ms):
                events += await again(ports, job, step, now_ms)
    return events


async def expire_due(ports: Ports, now_ms: int) -> list[Event]:
    """The events of jobs whose deadline has passed."""
    events: list[Event] = []
    for loaded in await ports.jobs.due(now_ms, TICK_MAX):
        events += await end(ports, loaded.job, expire(loaded.job, loaded.leaves), now_ms)
    return events


async def tend_spares(ports: Ports, now_ms: int) -> list[Event]:
    """The events of spares that fell silent or have no room left, then of new ones for running jobs without."""
    spares = await ports.jobs.spares()
    endings = await fallen(ports, spares, now_ms) if spares else {}
    free = await ports.jobs.lock([held.job_id for held in spares if held.lease_id in endings]) if endings else set()
    events: list[Event] = []
    for loaded in await ports.jobs.load_all(sorted(free)):
        spare = loaded.job.spare
        if spare and spare.spare_id in endings:
            job, ended = dismiss(loaded.job, endings[spare.spare_id])
            ports.jobs.dismiss(spare)
            ports.jobs.save(job, now_ms)
            events += ended
    await ports.jobs.write()
    standing = Counter(held.provider for held in spares if held.lease_id not in endings)
    return events + await find_spares(ports, standing, now_ms)


async def fallen(ports: Ports, spares: list[Held], now_ms: int) -> dict[str, Ending]:
    """Why spares have to go, by their ids: for want of room, or because nobody names them in heartbeats any more."""
    await ports.look()
    endings = crowded(spares, ports.supply.book.offers)
    if ports.liveness.is_proven(now_ms):
        overdue = ports.liveness.overdue(spares, now_ms, ports.patience)
        endings |= {held.lease_id: ending for held, ending in overdue}
    return endings


async def find_spares(ports: Ports, standing: Counter[str], now_ms: int) -> list[Event]:
    """The events of spares for running jobs without one, of the kinds that some offer keeps warm for."""
    await ports.look()
    kinds = ports.supply.book.warm_kinds
    jobs = await ports.jobs.spareless(kinds, now_ms - SOUGHT_MS, TICK_MAX) if kinds else []
    return [event for job in jobs for event in find_spare(ports, job, standing, now_ms)]


def find_spare(ports: Ports, job: Job, standing: Counter[str], now_ms: int) -> list[Event]:
    """The events of a spare for the job; none if no offer keeps warm that would fit it. It is looked at again later."""
    found = find(job, ports.supply.book, standing, now_ms, ports.excluded(job))
    if found is None:
        ports.jobs.seek_in_vain(job.job_id, now_ms)
        return []
    standing[found.offer.provider] += 1
    job, events = stand_by(job, found.offer.provider, now_ms)
    ports.jobs.stand(job, now_ms)
    return events


TIMERS: Final = (
    Timer("look", WATCH_S, look_again),
    Timer("lapse", WATCH_S, lapse_overdue),
    Timer("expire", WATCH_S, expire_due),
    Timer("spare", WATCH_S, tend_spares),
)
