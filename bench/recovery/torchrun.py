"""torchrun elastic and Ray Train as peers: two workers of one node, gloo, a checkpoint each 50 steps, one killed."""

import asyncio
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

START_S: Final = 180.0
"""To the first steps, which is not measured: Ray Train loads its libraries for long."""
WITHIN_S: Final = 60.0
WARM_STEPS: Final = 80
WORKER: Final = Path(__file__).with_name("elastic_worker.py")
TORCHRUN: Final = (
    *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"),
    *("--max-restarts=3", "--monitor-interval=0.1", str(WORKER)),
)


class NotStarted(Exception):
    """The training has not come to its first steps, so that nothing was killed."""


@dataclass(frozen=True, slots=True)
class Elastic:
    """What the kills came to; one that no step followed in time is a hang."""

    next_step_s: list[float]
    lost_steps: list[int]
    hangs: int
    unstarted: int = 0

    def figures(self) -> dict[str, float | str | None]:
        """The figures, medians."""
        return {
            "next_step_s": statistics.median(self.next_step_s) if self.next_step_s else None,
            "steps_lost_max": max(self.lost_steps, default=None),
            f"hangs_over_{WITHIN_S:g}_s": self.hangs,
            **({"not_started": self.unstarted} if self.unstarted else {}),
        }


async def elastic(kills: int, words: Sequence[str] = TORCHRUN) -> Elastic:
    """So many kills, each of a run of its own, of a command that is given a folder and tells of steps."""
    found, unstarted = list[tuple[float, int] | None](), 0
    for number in range(kills):
        try:
            found.append(await kill_once(number, words))
        except NotStarted:
            unstarted += 1
    done = [each for each in found if each]
    return Elastic([each[0] for each in done], [each[1] for each in done], len(found) - len(done), unstarted)


async def kill_once(number: int, words: Sequence[str]) -> tuple[float, int] | None:
    """From a worker's kill to the next step, and how many were made again; None if none came. Raises NotStarted."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-", ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(*words, folder, stdout=PIPE, stderr=DEVNULL)
        assert process.stdout is not None
        try:
            step, pid = await first_step(process.stdout)
            pause_s = time.perf_counter() + random.Random(number).uniform(0.2, 2.0)
            while time.perf_counter() < pause_s:
                step, pid = await read_step(process.stdout, 0)
            os.kill(pid, signal.SIGKILL)
            killed_s = time.perf_counter()
            async with asyncio.timeout(WITHIN_S):
                while True:
                    found, now_pid = await read_step(process.stdout, 0)
                    if now_pid != pid:
                        return time.perf_counter() - killed_s, step + 1 - found
                    step = max(step, found)
        except TimeoutError:
            return None
        finally:
            if process.returncode is None:
                end(process.pid)
            # What it has said yet is read to its end: a process whose pipe is full is never seen to have ended.
            await process.communicate()


def end(pid: int) -> None:
    """Kill a process and all below it, which have sessions of their own; those that ended by themselves are left."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in (*root.children(recursive=True), root):
            with suppress(psutil.NoSuchProcess):
                process.kill()


async def first_step(said: asyncio.StreamReader) -> tuple[int, int]:
    """The step from which on a worker may be killed, and its process. Raises NotStarted."""
    try:
        async with asyncio.timeout(START_S):
            return await read_step(said, WARM_STEPS)
    except TimeoutError:
        raise NotStarted from None


async def read_step(said: asyncio.StreamReader, least: int) -> tuple[int, int]:
    """The next step of at least this number that the first worker told of, and its process."""
    while line := await said.readline():
        words = line.split()
        if len(words) == 3 and words[0] == b"step" and int(words[1]) >= least:
            return int(words[1]), int(words[2])
    raise TimeoutError
