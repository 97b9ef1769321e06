"""What only time brings: another look at waiting jobs, leases that lapse, jobs past their deadline."""

from typing import Final

from assay.matching.domain import expire, lapse
from assay.matching.grants import Ports, again, end, seek
from assay.runtime import Timer
from assay.schema.event import Event

WATCH_S: Final = 1.0
# Slots that come free are given away at once; this look is for what slips by, so it may be slow.
TRIED_MS: Final = 2_000
TICK_MAX: Final = 64


async def look_again(ports: Ports, now_ms: int) -> list[Event]:
    """The events of another look at jobs that were not tried for a while, the longest first."""
    events: list[Event] = []
    for job in await ports.jobs.untried(now_ms - TRIED_MS, TICK_MAX):
        events += await seek(ports, job, now_ms)
    return events


async def lapse_overdue(ports: Ports, now_ms: int) -> list[Event]:
    """The events of leases whose providers were silent for too long, or did not begin."""
    if not ports.liveness.is_proven(now_ms):
        return []
    overdue = ports.liveness.overdue(await ports.jobs.held(), now_ms, ports.patience)[:TICK_MAX]
    endings = {held.lease_id: ending for held, ending in overdue}
    events: list[Event] = []
    free = await ports.jobs.lock([held.job_id for held, _ in overdue]) if overdue else set()
    for loaded in await ports.jobs.load_all(sorted(free), with_leaves=True):
        job = loaded.job
        if job.lease and job.lease.lease_id in endings:
            ending = endings[job.lease.lease_id]
            events += await again(ports, job, lapse(job, ending, loaded.leaves), now_ms)
    return events


async def expire_due(ports: Ports, now_ms: int) -> list[Event]:
    """The events of jobs whose deadline has passed."""
    events: list[Event] = []
    for loaded in await ports.jobs.due(now_ms, TICK_MAX):
        events += await end(ports, loaded.job, expire(loaded.job, loaded.leaves), now_ms)
    return events


TIMERS: Final = (
    Timer("look", WATCH_S, look_again),
    Timer("lapse", WATCH_S, lapse_overdue),
    Timer("expire", WATCH_S, expire_due),
)
