"""A closed loop of jobs: so many are always on the way, each followed until it is over."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median, quantiles

Job = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of load came to: the jobs that ended in it, in how long, at what cost."""

    jobs: int
    seconds: float
    cpu_s: float
    latencies_s: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Jobs a second."""
        return self.jobs / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Processor milliseconds a job."""
        return self.cpu_s * 1000 / max(self.jobs, 1)


async def drive(job: Job, in_flight: int, seconds: float, cpu_s: Callable[[], float]) -> Round:
    """A round of `seconds`, in which `in_flight` callers do one job after the other; each ends the job in hand."""
    latencies: list[float] = []
    begun_s, begun_cpu_s = time.perf_counter(), cpu_s()

    async def call() -> None:
        while (started_s := time.perf_counter()) < begun_s + seconds:
            await job()
            latencies.append(time.perf_counter() - started_s)

    await asyncio.gather(*(call() for _ in range(in_flight)))
    return Round(len(latencies), time.perf_counter() - begun_s, cpu_s() - begun_cpu_s, tuple(latencies))


def middle(rounds: list[Round], figure: Callable[[Round], float]) -> float:
    """The median of a figure over rounds."""
    return median(figure(each) for each in rounds)


def percentile_ms(rounds: list[Round], percent: int) -> float:
    """A percentile of the latencies of all rounds, in milliseconds."""
    found = [latency for each in rounds for latency in each.latencies_s]
    return quantiles(found, n=100, method="inclusive")[percent - 1] * 1000 if len(found) > 1 else found[0] * 1000
