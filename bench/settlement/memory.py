"""What settlement holds in memory while jobs go through it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from bench.settlement.lag import Watch, next_step
from bench.settlement.service import Running

IN_FLIGHT: Final = 1_000
AT_ONCE: Final = 50
SECONDS: Final = 45.0
MARKS: Final = ("at_start", "after_a_quarter", "after_half", "after_three_quarters", "at_end")


@dataclass(frozen=True, slots=True)
class Held:
    """The memory of the process when so many jobs were through, again and again; what a job took of each process."""

    samples: tuple[tuple[int, float], ...]
    seconds: float
    cpu_ms: Mapping[str, float]

    def figures(self) -> dict[str, float]:
        """What is printed: the last half alone tells growth, the first still fills what is kept of the past."""
        quarter = len(self.samples) // 4
        marked = (*(self.samples[quarter * turn] for turn in range(4)), self.samples[-1])
        (half_jobs, half_mb), (jobs, last_mb) = self.samples[quarter * 2], self.samples[-1]
        grown = (last_mb - half_mb) * 1e3 / max(1, jobs - half_jobs) * 1e3
        return {
            "memory_jobs": float(jobs),
            **{f"memory_mb_{mark}": mb for mark, (_, mb) in zip(MARKS, marked, strict=True)},
            "memory_kb_grown_a_1000_jobs": grown,
            "kept_up_a_second": jobs / self.seconds,
            **self.cpu_ms,
        }


def unseen(done: int, memory_mb: float) -> None:
    """Nobody watches."""


async def hold(running: Running, most: int | None, on_sample: Callable[[int, float], None] = unseen) -> Held:
    """Jobs one after the other with so many on their way: `most` of them, or as many as go in 45 seconds."""
    watch, jobs = Watch(running, next_step=await next_step(running)), running.maker.jobs()
    begun_s, begun_cpu_s, sent = time.perf_counter(), running.cpu_s(), 0
    samples = [(0, running.rss_mb)]
    while (sent < most) if most else (time.perf_counter() - begun_s < SECONDS):
        told = list(islice(jobs, AT_ONCE))
        await watch.say(told)
        sent += len(told)
        await watch.until_posted(IN_FLIGHT)
        watch.lags_s.clear()
        samples.append((sent - len(watch.said_s), running.rss_mb))
        on_sample(*samples[-1])
    await watch.until_posted()
    samples.append((sent, running.rss_mb))
    return Held(tuple(samples), watch.last_s - begun_s, running.cpu_ms_a_job(begun_cpu_s, sent))
