"""A runner whose commands are Pods: to a lease it is a child like any other."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from assay.workloads.child import MACHINE_FAULTS, START, failed_by
from assay.workloads.command.params import CommandParams
from assay.workloads.command.state import start_of
from assay.workloads.command.workload import Command
from assay.workloads.errors import WorkloadError
from assay.workloads.pods.errors import NoPod, PodEnded
from assay.workloads.pods.segments import Pods
from assay.workloads.pods.wire import Outcome
from assay.workloads.registry import read_params
from assay.workloads.runner import Runner, believed
from assay.workloads.sandbox import Policy
from assay.workloads.sandbox.errors import breach
from assay.workloads.task import Failed, Finished, Message, Ready, SegmentDone, Task, ToChild, Warm

KILLED = Failed(code="workload.died", detail="Its Pod was removed.", fault=True)


class PodRunner(Runner):
    """A child for all work but commands, each segment of which is a Pod."""

    def __init__(self, pods: Pods, log_file: Path | None = None, policy: Policy | None = None) -> None:
        super().__init__(log_file, policy)
        self._pods = pods
        self._segment: asyncio.Task[tuple[Outcome, bytes]] | None = None
        self._is_stopped, self._is_killed, self._committed = False, False, 0
        self._told = asyncio.Event()

    async def run(self, task: ToChild, wall_s: float | None = None) -> AsyncGenerator[Message, None]:
        """What is said of `task`, ending with Finished or Failed, as a child says it."""
        if not isinstance(task, Task | Warm) or task.kind != Command.kind:
            async for message in super().run(task, wall_s):
                yield message
            return
        if isinstance(task, Warm):
            # A Pod is of one segment: there is nothing to hold ready.
            yield Finished()
            return
        self._is_stopped, self._is_killed, self._committed = False, False, task.first
        assert self.policy is not None
        ends_s = asyncio.get_running_loop().time() + (self.policy.wall_s if wall_s is None else wall_s)
        try:
            async for message in self._segments(task, ends_s):
                yield message
        except PodEnded as error:
            yield error.failed
        except NoPod as error:
            yield Failed(code=error.code, detail=str(error), fault=True)
        except TimeoutError:
            yield breach("sandbox.time", "Its Pod was to end by the lease's deadline.")
        except (*MACHINE_FAULTS, WorkloadError) as error:
            yield failed_by(error)

    def stop(self) -> None:
        """Have the task end after the segment in hand."""
        self._is_stopped = True
        self._told.set()
        super().stop()

    def commit(self, segments: int) -> None:
        """Let the task, if it is paced, close the segment after these."""
        self._committed = max(self._committed, segments)
        self._told.set()
        super().commit(segments)

    async def kill(self) -> None:
        """End the task at once, its Pod removed."""
        self._is_killed = True
        self._told.set()
        if self._segment:
            self._segment.cancel()
            await asyncio.wait([self._segment])
        await super().kill()

    async def _segments(self, task: Task, ends_s: float) -> AsyncGenerator[Message, None]:
        work, params = Command(), read_params(task.kind, task.params)
        assert isinstance(params, CommandParams)
        state = Path(task.state).read_bytes() if task.state else start_of(params).encode()
        if not task.state:
            Path(task.folder, START).write_bytes(state)
        yield Ready(state_digest=work.digest(state))
        for index in range(task.first, task.last):
            if self._is_killed:
                raise PodEnded(KILLED)
            if self._is_stopped:
                yield Finished()
                return
            async with asyncio.timeout_at(ends_s):
                outcome, state = await self._done(params, task, state, index)
                if outcome.failed:
                    yield believed(outcome.failed)
                    return
                await self._until_committed(index if task.is_paced else 0)
            yield closed(task, params, index, state, outcome)
        if task.wants_result:
            result = Path(task.folder, "result")
            result.write_bytes(work.result(params, state))
        yield Finished(result=str(result) if task.wants_result else None)

    async def _done(self, params: CommandParams, task: Task, state: bytes, index: int) -> tuple[Outcome, bytes]:
        """Return what a segment comes to, and the checkpoint after it. Raises what `Pods.run` raises, and PodEnded."""
        self._segment = asyncio.ensure_future(self._pods.run(params, task.inputs, state, index))
        try:
            return await self._segment
        except asyncio.CancelledError:
            if self._is_killed:
                raise PodEnded(KILLED) from None
            raise
        finally:
            self._segment = None

    async def _until_committed(self, segments: int) -> None:
        """Return once so many are committed, or the task is to end. Raises PodEnded if at once."""
        while not (self._is_stopped or self._is_killed) and self._committed < segments:
            self._told.clear()
            await self._told.wait()
        if self._is_killed:
            raise PodEnded(KILLED)


def closed(task: Task, params: CommandParams, index: int, state: bytes, outcome: Outcome) -> SegmentDone:
    """Return what is said of a segment, its checkpoint written; what it took is the Pod's word, within bounds."""
    path = Path(task.folder, f"{index}.state")
    path.write_bytes(state)
    return SegmentDone(
        segment=index,
        path=str(path),
        state_digest=Command().digest(state),
        units=params.segment_units,
        compute_ms=min(outcome.compute_ms, params.time_s * params.threads * 1000),
        metrics={},
    )
