"""How much checkpoints and commitments slow a training: LoRA of SmolLM2-135M in a worker's child, with and without.

With them each segment is closed as a worker closes it: the child digests and writes its state, the parent puts it into
the store of a real server and signs the commitment, and the child closes none before the one before is committed.
Without, the same steps are one segment, of which nothing is kept. The two take turns. Processor time is that of parent
and child: the server is another machine's.
"""

import os
import statistics
import time
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Took:
    """What a training took, in seconds."""

    wall_s: float
    cpu_s: float


async def slowing(bus: JetStreamBus, folder: Path) -> dict[str, float] | None:
    """By how much the training is slowed, as shares, and what a step takes; None where the model is not installed.

    Wall time is the median of the turns, processor time the least: what it takes where nothing disturbs it.
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
    wall = statistics.median(each.wall_s for each in kept) / statistics.median(each.wall_s for each in without)
    cpu = min(each.cpu_s for each in kept) / min(each.cpu_s for each in without)
    step_s = min(each.cpu_s for each in without) / STEPS
    return {"slowed_wall": wall - 1, "slowed_cpu": cpu - 1, "step_cpu_s": step_s}


async def train(runner: Runner, bus: JetStreamBus, folder: Path, steps: int, segment_steps: int) -> Took:
    """One training, from its start state to its last step, or to the last commitment if it has several segments."""
    segments, began, ended = steps // segment_steps, now(runner), now(runner)
    async for message in runner.run(task_of(folder, steps, segment_steps)):
        match message:
            case Failed():
                raise RuntimeError(f"{message.code}: {message.detail}")
            case Ready():
                began = now(runner)
            case Progressed() if segments == 1 and message.done == steps:
                ended = now(runner)
            case SegmentDone() if segments > 1:
                await bus.blobs.put(Path(message.path))
                sign_event(KEY, DOMAIN, commitment(message.segment), PROVIDER, message.segment)
                runner.commit(message.segment + 1)
                ended = now(runner)
    return Took(ended.wall_s - began.wall_s, ended.cpu_s - began.cpu_s)


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


def now(runner: Runner) -> Took:
    """The moment, and what parent and child have used of the processor until it."""
    used = [psutil.Process(pid).cpu_times() for pid in (os.getpid(), runner.pid) if pid]
    return Took(time.perf_counter(), sum(each.user + each.system for each in used))
