"""What settlement holds in memory while jobs go through it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from bench.settlement.lag import Watch, next_step
from bench.settlement.service import Running

IN_FLIGHT: Final = 1_000
AT_ONCE: Final = 50
SECONDS: Final = 45.0


@dataclass(frozen=True, slots=True)
class Held:
    """The memory of the process when so many jobs were through, again and again."""

    samples: tuple[tuple[int, float], ...]
    seconds: float
    cpu_s: Mapping[str, float]

    def figures(self) -> dict[str, float]:
        """What is printed: the second half alone tells growth, the first still fills what is kept of the past."""
        jobs, last_mb = self.samples[-1]
        half_jobs, half_mb = self.samples[len(self.samples) // 2]
        grown = (last_mb - half_mb) * 1e3 / max(1, jobs - half_jobs) * 1e3
        return {
            "memory_jobs": float(jobs),
            "memory_mb_at_start": self.samples[0][1],
            "memory_mb_at_half": half_mb,
            "memory_mb_at_end": last_mb,
            "memory_kb_grown_a_1000_jobs": grown,
            "jobs_a_second_kept_up": jobs / self.seconds,
            **{f"{name}_cpu_ms_a_job": used * 1e3 / jobs for name, used in self.cpu_s.items()},
        }


async def hold(running: Running, most: int | None) -> Held:
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
    await watch.until_posted()
    samples.append((sent, running.rss_mb))
    used = {name: now_s - begun_cpu_s[name] for name, now_s in running.cpu_s().items()}
    return Held(tuple(samples), watch.last_s - begun_s, used)
