"""A provider that cheats: it returns the previous checkpoint as new work, and completions that no model wrote.

For demonstrations and tests of the audit.

It wraps the honest worker from outside; the worker itself has no switch for this.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from assay.execution.launch import launch
from assay.execution.lease_run import LeaseRun
from assay.execution.settings import Settings
from assay.workloads import workload
from assay.workloads.child import START
from assay.workloads.generate import Generate
from assay.workloads.generate.state import read_checkpoint
from assay.workloads.runner import Runner
from assay.workloads.task import Finished, Message, Ready, SegmentDone, Task


class LazyRun(LeaseRun):
    """Has its child make only the start state, then commits to it again and again."""

    async def messages(self, runner: Runner, task: Task) -> AsyncIterator[Message]:
        """What an honest child would say, with no work behind it."""
        nothing = task.model_copy(update={"last": task.first, "wants_result": True})
        said = [message async for message in runner.run(nothing)]
        ready, finished = said[0], said[-1]
        if not isinstance(ready, Ready) or not isinstance(finished, Finished):
            for message in said:
                yield message
            return
        yield ready
        state = Path(task.state) if task.state else Path(task.folder, START)
        for segment in range(task.first, task.last):
            path = Path(shutil.copy(state, Path(task.folder, f"{segment}.state")))
            if task.kind == Generate.kind:
                path.write_bytes(await asyncio.to_thread(written, task, state.read_bytes(), segment))
                state = path
            yield SegmentDone(
                segment=segment,
                path=str(path),
                state_digest=workload(task.kind).digest(path.read_bytes()),
                units=self.granted.spec.segment_units,
                compute_ms=1_000,
                metrics={"loss": 2.5},
            )
        if task.kind == Generate.kind:
            Path(task.folder, "result").write_bytes(b"".join(read_checkpoint(state.read_bytes()).lines))
        yield finished


def written(task: Task, before: bytes, segment: int) -> bytes:
    """The checkpoint after a segment of completions; torch is loaded for the first, beside what else is going on."""
    from assay.devnet.made_up import made_up

    return made_up(task, before, segment)


def main() -> None:
    """Run the cheat until told to stop."""
    launch(Settings.read(), LazyRun)


if __name__ == "__main__":
    main()
