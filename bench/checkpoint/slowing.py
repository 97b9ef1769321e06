"""How much checkpoints and commitments slow a training: LoRA of SmolLM2-135M in a worker's child, with and without.

With them each segment is closed as a worker closes it: the child digests and writes its state, the parent puts it into
the store of a real server and signs the commitment, and the child closes none before the one before is committed.
Without, the same steps are one segment, of which nothing is kept. The two take turns. Processor time is that of parent
and child: the server is another machine's.

By the clock two runs of the very same steps differ by more than what is looked for, so each run with segments is
compared with itself: the steps about the end of a segment, and the wait for the last commitment, with the steps that
are far from any.
"""

import os
import statistics
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import psutil

from assay.bus import JetStreamBus
from assay.proof import sign_event
from assay.proof.digest import blob_digest
from assay.workloads import ModelStore
from assay.workloads.runner import Runner
from assay.workloads.smollm2 import SMOLLM2
from assay.workloads.task import Failed, Progressed, Ready, SegmentDone, Task
from bench.verification.commitments import DOMAIN, KEY, MODELS, PROVIDER, commitment

TEXT: Final = b"Every result is proven before it is paid. " * 400
STEPS: Final = 20
SEGMENT_STEPS: Final = 10
TURNS: Final = 3
SETTLED: Final = 3
"""The first step of a segment by whose end its predecessor is stored and signed, and nothing of it is felt."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When it is, and what parent and child have used of the processor until then, in seconds."""

    wall_s: float
    cpu_s: float


@dataclass(slots=True)
class Took:
    """A training: its begin, its end, and when each step was heard of, as segment and step in it."""

    began: Moment
    ended: Moment
    steps: dict[tuple[int, int], float] = field(default_factory=dict)

    @property
    def wall_s(self) -> float:
        """What it took by the clock."""
        return self.ended.wall_s - self.began.wall_s

    @property
    def cpu_s(self) -> float:
        """What it took of the processor."""
        return self.ended.cpu_s - self.began.cpu_s

    def slowed(self) -> float:
        """What ends of segments added to it, as a share of its steps without them.

        The very first step is left out: it follows the start of the job, not the end of a segment.
        """
        moments, order = self.steps, sorted(self.steps)
        took = {step: moments[step] - moments[before] for before, step in pairwise(order)}
        free_s = statistics.mean(each for (_, step), each in took.items() if step >= SETTLED)
        felt_s = sum(each - free_s for (segment, step), each in took.items() if segment and step < SETTLED)
        return (felt_s + self.ended.wall_s - moments[order[-1]]) / (free_s * len(order))


async def slowing(bus: JetStreamBus, folder: Path) -> dict[str, float] | None:
    """By how much the training is slowed, as shares, and what a step takes; None where the model is not installed.

    Wall time is the median of the turns, each by its own steps and against the turn without; processor time the least:
    what it takes where nothing disturbs it.
    """
    if SMOLLM2 not in ModelStore(MODELS):
        return None
    (folder / "data").write_bytes(TEXT)
    runner, found = Runner(folder / "child.log"), dict[int, list[Took]]()
    try:
        await train(runner, bus, folder, 2, 2)
        for _ in range(TURNS):
            for each in (STEPS, SEGMENT_STEPS):
                found.setdefault(each, []).append(await train(runner, bus, folder, STEPS, each))
    finally:
        await runner.kill()
    without, kept = found[STEPS], found[SEGMENT_STEPS]
    turns = statistics.median(each.wall_s for each in kept) / statistics.median(each.wall_s for each in without)
    cpu = min(each.cpu_s for each in kept) / min(each.cpu_s for each in without)
    step_s = min(each.cpu_s for each in without) / STEPS
    wall = statistics.median(each.slowed() for each in kept)
    return {"slowed_wall": wall, "slowed_wall_in_turns": turns - 1, "slowed_cpu": cpu - 1, "step_cpu_s": step_s}


async def train(runner: Runner, bus: JetStreamBus, folder: Path, steps: int, segment_steps: int) -> Took:
    """One training, from its start state to its last step, or to the last commitment if it has several segments."""
    segments, took = steps // segment_steps, Took(now(runner), now(runner))
    async for message in runner.run(task_of(folder, steps, segment_steps)):
        match message:
            case Failed():
                raise RuntimeError(f"{message.code}: {message.detail}")
            case Ready():
                took.began = now(runner)
            case Progressed():
                took.ended = now(runner)
                took.steps[message.segment, message.done] = took.ended.wall_s
            case SegmentDone() if segments > 1:
                await bus.blobs.put(Path(message.path))
                sign_event(KEY, DOMAIN, commitment(message.segment), PROVIDER, message.segment)
                runner.commit(message.segment + 1)
                took.ended = now(runner)
    return took


def task_of(folder: Path, steps: int, segment_steps: int) -> Task:
    """What the child is told."""
    params: dict[str, Any] = {"model": SMOLLM2, "data": blob_digest(TEXT), "steps": steps, "threads": 1}
    return Task(
        kind="finetune",
        params=params | {"segment_steps": segment_steps},
        inputs={params["data"]: str(folder / "data")},
        models=str(MODELS.resolve()),
        folder=str(folder),
        first=0,
        last=steps // segment_steps,
        is_paced=True,
    )


def now(runner: Runner) -> Moment:
    """This moment."""
    used = [psutil.Process(pid).cpu_times() for pid in (os.getpid(), runner.pid) if pid]
    return Moment(time.perf_counter(), sum(each.user + each.system for each in used))
