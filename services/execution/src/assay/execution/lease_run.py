"""One lease from its grant to its end: inputs, segments in a child process, checkpoints, commitments, the result."""

import asyncio
import logging
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from assay.execution import domain
from assay.execution.domain import Closed, Course
from assay.execution.inputs import Cache
from assay.runtime.outgoing import Outgoing
from assay.runtime.telemetry import Telemetry
from assay.schema.errors import Refused
from assay.schema.event import Event
from assay.schema.lease import LeaseCommitted, LeaseGranted
from assay.schema.values import Digest
from assay.workloads import read_params, workload
from assay.workloads.errors import WorkloadError
from assay.workloads.runner import Message, Runner
from assay.workloads.task import Failed, Finished, Progressed, Ready, SegmentDone, Task

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tools:
    """What the runs of a worker share."""

    cache: Cache
    outgoing: Outgoing
    models_dir: Path
    scratch: Path
    telemetry: Telemetry
    machine: Digest | None = None


class LeaseRun:
    """The run of one lease. `progress` is what the next heartbeat says of it, `trace` the span that it is in."""

    def __init__(self, granted: LeaseGranted, committed: list[LeaseCommitted], tools: Tools) -> None:
        self.granted, self._committed, self._tools = granted, committed, tools
        self.progress: dict[str, object] = {}
        self.trace = ""
        self._since_ns = 0
        self._runner: Runner | None = None
        self._free: Callable[[], object] = lambda: None
        self._dropped = False
        self._leaving: str | None = None

    async def run(self, runner: Runner, free: Callable[[], object]) -> None:
        """Work until the lease is executed, failed, released or dropped; its end is said before this returns.

        `free` is called once the runner is not needed any more, which may be earlier.
        """
        folder = self._tools.scratch / self.granted.lease_id
        folder.mkdir(parents=True, exist_ok=True)
        self._runner, self._free, self._since_ns = runner, free, time.time_ns()
        try:
            if self._leaving:
                self._end(domain.released(self.granted, self._leaving))
            elif not self._dropped:
                await self._work(runner, folder)
        except (WorkloadError, domain.PlanMismatch) as error:
            self._end(domain.failed(self.granted, error.code, str(error)))
        except Refused as error:
            code = "job.missing_input" if error.code == "blob.missing" else error.code
            self._end(domain.failed(self.granted, code, str(error)))
        finally:
            await self._kill()
            self._let_go()
            shutil.rmtree(folder, ignore_errors=True)

    async def drop(self) -> None:
        """Stop at once and say nothing: the lease is somebody else's now."""
        self._dropped = True
        await self._kill()

    def leave(self, reason: str) -> None:
        """Stop after the segment in hand and release the lease."""
        self._leaving = reason
        if self._runner:
            self._runner.stop()

    async def _work(self, runner: Runner, folder: Path) -> None:
        spec = self.granted.spec
        params = read_params(spec.kind, spec.params)
        domain.check_plan(spec, workload(spec.kind).plan(params))
        course = domain.recall(self.granted, self._committed)
        task = await self._task(course, folder)
        async for message in self._heard(runner, task):
            if self._dropped:
                return
            course = await self._on_message(course, message)
            if self._leaving and isinstance(message, SegmentDone) and course and not course.is_complete:
                # The child may be far ahead; what it has closed beyond this segment is another provider's to do.
                await self._kill()
                self._end(domain.released(self.granted, self._leaving))
                return

    async def _heard(self, runner: Runner, task: Task) -> AsyncIterator[Message]:
        """What the child says, read ahead: when it has said all, it is free for another lease."""
        heard: asyncio.Queue[Message | None] = asyncio.Queue()

        async def listen() -> None:
            try:
                async for message in self.messages(runner, task):
                    heard.put_nowait(message)
            finally:
                self._let_go()
                heard.put_nowait(None)

        listening = asyncio.create_task(listen())
        while (message := await heard.get()) is not None:
            yield message
        await listening

    async def _kill(self) -> None:
        """End the child at once, if it works for this lease still."""
        if self._runner:
            await self._runner.kill()

    def _let_go(self) -> None:
        if self._runner:
            self._runner = None
            self._free()

    async def messages(self, runner: Runner, task: Task) -> AsyncIterator[Message]:
        """What the child says of the task."""
        async for message in runner.run(task):
            yield message

    async def _task(self, course: Course | None, folder: Path) -> Task:
        spec, resume, cache = self.granted.spec, self.granted.resume, self._tools.cache
        inputs = {digest: str(await cache.fetch(digest)) for digest in spec.inputs}
        checkpoint = self._committed[-1].checkpoint if self._committed else resume.checkpoint if resume else None
        first = course.segment if course else resume.segment + 1 if resume else 0
        return Task(
            kind=spec.kind,
            params=spec.params,
            inputs=inputs,
            models=str(self._tools.models_dir),
            folder=str(folder),
            first=first,
            last=spec.segments,
            state=str(await cache.fetch(checkpoint)) if checkpoint else None,
        )

    async def _on_message(self, course: Course | None, message: Message) -> Course | None:
        match message:
            case Ready():
                course = course or self._start(message)
            case Progressed():
                self.progress = message.model_dump(exclude={"said"})
            case SegmentDone() if course:
                course = await self._close(course, message)
            case Finished() if course:
                await self._finish(course, message)
            case Failed():
                self._fail(message)
        return course

    def _start(self, ready: Ready) -> Course:
        course = domain.begin(self.granted, ready.state_digest)
        self._say(domain.started(self.granted))
        return course

    async def _close(self, course: Course, done: SegmentDone) -> Course:
        checkpoint = await self._tools.cache.publish(Path(done.path))
        with suppress(FileNotFoundError):
            Path(done.path).unlink()
        said = (done.segment, done.state_digest, checkpoint, done.units, done.compute_ms, done.metrics)
        closed = Closed(*said, self._tools.machine)
        course, said = domain.commit(course, closed)
        self._say(said)
        # However small the segments are, heartbeats and the feed get their turn in between.
        await asyncio.sleep(0)
        return course

    async def _finish(self, course: Course, finished: Finished) -> None:
        if finished.result and course.is_complete:
            result = await self._tools.cache.publish(Path(finished.result))
            self._end(domain.executed(course, result))
        else:
            self._end(domain.released(self.granted, self._leaving or "the worker was asked to stop"))

    def _fail(self, failed: Failed) -> None:
        if failed.fault:
            self._end(domain.released(self.granted, f"{failed.code}: {failed.detail}"))
        else:
            self._end(domain.failed(self.granted, failed.code, failed.detail))

    def _end(self, event: domain.Ending) -> None:
        if not self._dropped:
            self._say(event)
            log.info("lease ended: %s", event.type, extra={"lease": event.lease_id, "job": event.job_id})

    def _say(self, event: Event) -> None:
        self._tools.outgoing.say(event)
        self._tools.telemetry.led_to(event, self.trace, self._since_ns)
        self._since_ns = time.time_ns()
