"""Training that is killed with SIGKILL and carried on by another child."""

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

from assay.workloads import workload
from assay.workloads.runner import Runner
from assay.workloads.task import Progressed, SegmentDone, Task
from assay.workloads.workload import Progress


async def test_the_losses_after_a_kill_are_those_of_the_uninterrupted_run_to_the_last_bit(
    bench: Any, start: bytes, tmp_path: Path
) -> None:
    (tmp_path / "data").write_bytes(bench.text)
    files = {"inputs": {bench.data: str(tmp_path / "data")}, "models": str(bench.store.root), "folder": str(tmp_path)}
    task = Task(kind="finetune", params=bench.raw(numerics="exact"), **files, first=0, last=3)
    seen: dict[tuple[int, int], float] = {}
    states: list[str] = []
    for runner, is_killed in ((Runner(), True), (Runner(), False)):
        async for message in runner.run(task):
            match message:
                case Progressed():
                    seen[message.segment, message.done] = message.metrics["loss"]
                    if is_killed and message.segment == 1 and runner.pid:
                        os.kill(runner.pid, signal.SIGKILL)
                case SegmentDone() if not (is_killed and message.segment):
                    task = task.model_copy(update={"first": message.segment + 1, "state": message.path})
                    states.append(message.state_digest)
        await runner.kill()
    losses: dict[tuple[int, int], float] = {}

    def hear(index: int, progress: Progress) -> None:
        losses[index, progress.done] = progress.metrics["loss"]

    params, state = bench.params(numerics="exact"), start
    for index in range(3):
        closed = workload("finetune").run(params, bench.inputs, state, index, partial(hear, index))
        assert closed.state_digest == states[index]
        state = closed.state
    assert seen == losses and len(losses) == 6
