"""A provider that cheats: it returns the previous checkpoint as new work. For demonstrations and tests of the audit.

It wraps the honest worker from outside; the worker itself has no switch for this.
"""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from assay.execution.launch import launch
from assay.execution.lease_run import LeaseRun
from assay.execution.settings import Settings
from assay.workloads.child import START
from assay.workloads.runner import Message, Runner
from assay.workloads.task import Finished, Ready, SegmentDone, Task


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
            yield SegmentDone(
                segment=segment,
                path=str(path),
                state_digest=ready.state_digest,
                units=self.granted.spec.segment_units,
                compute_ms=1_000,
                metrics={"loss": 2.5},
            )
        yield finished


def main() -> None:
    """Run the cheat until told to stop."""
    launch(Settings.read(), LazyRun)


if __name__ == "__main__":
    main()
