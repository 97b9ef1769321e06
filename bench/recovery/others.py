"""Ray Train and torchft as peers, in the environment that is theirs."""

import asyncio
import random
import signal
import statistics
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Final

from assay.devnet.ports import free_port
from bench.peers.environment import NotInstalled, python
from bench.recovery.torchrun import START_S, WARM_STEPS, WITHIN_S, elastic
from bench.result import Figures

HEARTBEAT_MS: Final = "1000"
"""After so long a silence torchft's lighthouse holds a replica for dead; its default is five seconds."""


async def others(kills: int) -> dict[str, Figures]:
    """Their figures; why there are none, in the installer's words."""
    try:
        own = python()
    except NotInstalled as error:
        return {name: {"measured": f"not run: {error}"} for name in ("ray train", "torchft")}
    ray = await elastic(kills, (own, "-m", "bench.peers.ray_train"))
    return {"ray train": ray.figures(), "torchft": await torchft(own, kills)}


class Replica:
    """One of torchft's, and when it told of each step."""

    def __init__(self, process: Process) -> None:
        self._process, self.steps = process, list[tuple[float, int]]()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, own: str, number: int, port: int) -> "Replica":
        """A replica of this number, at the lighthouse of this port."""
        words = (own, "-m", "bench.peers.torchft_replica", f"replica_{number}", f"http://127.0.0.1:{port}")
        return cls(await asyncio.create_subprocess_exec(*words, stdout=PIPE, stderr=DEVNULL))

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.startswith(b"step "):
                self.steps.append((time.perf_counter(), int(line.split()[1])))

    async def until(self, count: int) -> None:
        """Return when it has told of so many steps. Raises TimeoutError."""
        async with asyncio.timeout(START_S):
            while len(self.steps) < count:
                await asyncio.sleep(0.01)

    async def kill(self) -> None:
        """End it by SIGKILL."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()
        await self._reading


async def torchft(own: str, kills: int) -> Figures:
    """The survivor's longest wait for a step until the replacement has made one, and how long that took."""
    found = [await kill_once(own, number) for number in range(kills)]
    done = [each for each in found if each]
    return {
        "next_step_s": statistics.median(each[0] for each in done) if done else None,
        "replacement_next_step_s": statistics.median(each[1] for each in done) if done else None,
        "steps_lost_max": max((each[2] for each in done), default=None),
        f"hangs_over_{WITHIN_S:g}_s": float(len(found) - len(done)),
    }


async def kill_once(own: str, number: int) -> tuple[float, float, int] | None:
    """One kill of one of two replicas, which is started again at once; None if it made no step in time."""
    port = free_port()
    words = (Path(own).with_name("torchft_lighthouse"), "--bind", f"127.0.0.1:{port}", "--min_replicas", "1")
    lighthouse = await asyncio.create_subprocess_exec(
        *words, "--heartbeat_timeout_ms", HEARTBEAT_MS, stdout=DEVNULL, stderr=DEVNULL
    )
    running = [await Replica.start(own, each, port) for each in range(2)]
    try:
        for replica in running:
            await replica.until(WARM_STEPS)
        await asyncio.sleep(random.Random(number).uniform(0.2, 2.0))
        survivor, killed_s = running[0], time.perf_counter()
        await running[1].kill()
        before = survivor.steps[-1][1]
        running[1] = await Replica.start(own, 1, port)
        async with asyncio.timeout(WITHIN_S):
            await running[1].until(1)
        back_s = running[1].steps[0][0]
        told = [each for each in survivor.steps if each[0] > killed_s]
        times = [killed_s, *(each[0] for each in told), back_s]
        lost = max(0, before + 1 - next((each[1] for each in told), before + 1))
        return max(later - earlier for earlier, later in pairwise(times)), back_s - killed_s, lost
    except TimeoutError:
        return None
    finally:
        for replica in running:
            await replica.kill()
        lighthouse.kill()
        await lighthouse.wait()
