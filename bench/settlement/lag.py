"""Jobs fed to settlement at a rate: how long after its verdict each stands in a posted epoch, and how fast it goes."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from statistics import quantiles
from typing import Final

from assay.schema.errors import Retry
from bench.settlement.jobs import Told
from bench.settlement.service import Running

RATES: Final = (100, 500, 1_000)
FEED_S: Final = 4.0
WARM: Final = 200
TICK_S: Final = 0.05
LOOK_S: Final = 0.1
STILL_S: Final = 60.0
"""Nothing was posted for so long: something is wrong."""


@dataclass(slots=True)
class Watch:
    """When the verdict of each job left, and when its step was first seen in a posted epoch."""

    running: Running
    next_step: int = 1
    said_s: dict[str, float] = field(default_factory=dict)
    lags_s: list[float] = field(default_factory=list)
    last_s: float = 0.0

    async def say(self, jobs: Iterable[Told]) -> None:
        """Publish all that is said of these jobs, their verdicts last; once more where the bus is late."""
        told, now_s = list(jobs), time.perf_counter()
        self.said_s |= {each.job_id: now_s for each in told}
        records = [record for each in told for record in each.records]
        while True:
            try:
                return await self.running.bus.publish(records)
            except Retry as late:
                await asyncio.sleep(late.delay_s)

    async def look(self) -> int:
        """How many jobs are on their way, after a look at what is posted."""
        now_s = time.perf_counter()
        for position, job in await self.running.posted(self.next_step):
            self.next_step = position + 1
            self.lags_s.append(now_s - self.said_s.pop(job))
            self.last_s = now_s
        return len(self.said_s)

    async def until_posted(self, left: int = 0) -> None:
        """Returns once at most so many jobs are on their way. Raises TimeoutError if nothing moves."""
        moved_s, before = time.perf_counter(), -1
        while (now := await self.look()) > left:
            if now != before:
                moved_s, before = time.perf_counter(), now
            if time.perf_counter() - moved_s > STILL_S:
                raise TimeoutError(f"{now} jobs are not posted after {STILL_S:.0f} s.")
            await asyncio.sleep(LOOK_S)


@dataclass(frozen=True, slots=True)
class Fed:
    """A rate that was asked for, and what came of it; what each process used for a job, in milliseconds."""

    rate: int
    reached: float
    p50_s: float
    p95_s: float
    cpu_ms: Mapping[str, float]

    def figures(self) -> dict[str, float]:
        """What is printed of it."""
        found = {"reached_a_second": self.reached, "lag_p50_s": self.p50_s, "lag_p95_s": self.p95_s, **self.cpu_ms}
        return {f"{name}_at_{self.rate}": value for name, value in found.items()}


async def warm(running: Running) -> None:
    """All accounts have their places, and the process has loaded what it needs."""
    watch = Watch(running)
    await watch.say(islice(running.maker.jobs(), WARM))
    await watch.until_posted()


async def lags(running: Running) -> list[Fed]:
    """Each rate for a few seconds, from the verdict to the posted epoch; the next begins when all are posted."""
    return [await feed(running, rate) for rate in RATES]


async def feed(running: Running, rate: int) -> Fed:
    """One rate: jobs leave by the clock, whether those before are posted or not."""
    jobs = list(islice(running.maker.jobs(), round(rate * FEED_S)))
    watch = Watch(running, next_step=await next_step(running))
    looking = asyncio.create_task(keep_looking(watch, len(jobs)))
    begun_s, begun_cpu_s, sent = time.perf_counter(), running.cpu_s(), 0
    while sent < len(jobs):
        due = min(len(jobs), round((time.perf_counter() - begun_s + TICK_S) * rate))
        await watch.say(jobs[sent:due])
        sent = due
        await asyncio.sleep(max(0.0, begun_s + sent / rate - time.perf_counter()))
    await looking
    # What the first waited for its epoch and its block, the last waits too: that is no want of speed.
    taken_s = watch.last_s - begun_s - watch.lags_s[0]
    used = running.cpu_ms_a_job(begun_cpu_s, len(jobs))
    return Fed(rate, min(rate, len(jobs) / taken_s), *percentiles(watch.lags_s), used)


async def keep_looking(watch: Watch, count: int) -> None:
    """Look until so many are posted."""
    while len(watch.lags_s) < count:
        await watch.until_posted()
        await asyncio.sleep(LOOK_S)


async def next_step(running: Running) -> int:
    """The step that comes next."""
    return int(await running.memory.fetchval("select position + 1 from steps_head"))


def percentiles(lags_s: Sequence[float]) -> tuple[float, float]:
    """The median and the 95th percentile."""
    cuts = quantiles(lags_s, n=20, method="inclusive")
    return cuts[9], cuts[18]
