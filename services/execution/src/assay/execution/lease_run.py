"""One lease from its grant to its end: inputs, segments in a child process, checkpoints, commitments, the result."""

import asyncio
import logging
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from assay.bus.talk import Talk
from assay.execution import domain
from assay.execution.domain import Closed, Course
from assay.execution.inputs import Cache
from assay.execution.serving import OpenTalk, Serving
from assay.execution.vouching import Unvouched, Vouchers
from assay.runtime.naming import made_of, name_of
from assay.runtime.outgoing import Outgoing
from assay.runtime.telemetry import Telemetry
from assay.schema.errors import Refused, Reject
from assay.schema.event import Event
from assay.schema.lease import LeaseCommitted, LeaseGranted
from assay.schema.values import Digest
from assay.workloads import read_params, workload
from assay.workloads.code import code_of
from assay.workloads.errors import BadCheckpoint, WorkloadError
from assay.workloads.runner import Runner
from assay.workloads.serve import ServeParams
from assay.workloads.task import Answered, Failed, Finished, Message, Progressed, Ready, SegmentDone, Task
from assay.workloads.workload import Live

log = logging.getLogger(__name__)

GRACE_MS = 5_000
"""How long after its deadline a lease ends by itself: matching says first that the job has expired."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the runs of a worker share."""

    cache: Cache
    outgoing: Outgoing
    models_dir: Path
    telemetry: Telemetry
    now: Callable[[], int]
    machine: Digest | None = None
    progress_ms: int = 10_000
    talks: OpenTalk | None = None
    vouchers: Vouchers | None = None
    private_dir: Path | None = None


class LeaseRun:
    """The run of one lease. `progress` is what the next heartbeat says of it, `trace` the span that it is in."""

    def __init__(self, granted: LeaseGranted, committed: list[LeaseCommitted], tools: Tools) -> None:
        self.granted, self._committed, self._tools = granted, committed, tools
        self.progress: dict[str, object] = {}
        self.trace = ""
        self._since_ns = 0
        self._told_ms = tools.now()
        self._runner: Runner | None = None
        self._free: Callable[[], object] = lambda: None
        self._dropped = False
        self._leaving: str | None = None
        self._published: Digest | None = None
        self._serving: Serving | None = None
        self._served: asyncio.Task[None] | None = None

    async def run(self, runner: Runner, free: Callable[[], object]) -> None:
        """Work until the lease is executed, failed, released or dropped; its end is said before this returns.

        `free` is called once the runner is not needed any more, which may be earlier.
        """
        room = runner.policy
        assert room is not None and room.inputs is not None
        folder, inputs = room.scratch / self.granted.lease_id, room.inputs / self.granted.lease_id
        folder.mkdir(parents=True, exist_ok=True)
        self._runner, self._free, self._since_ns = runner, free, time.time_ns()
        try:
            if self._leaving:
                self._end(domain.released(self.granted, self._leaving))
            elif not self._dropped:
                await self._work(runner, folder, inputs)
        except (WorkloadError, domain.PlanMismatch, domain.FalseCheckpoint) as error:
            self._end(domain.failed(self.granted, error.code, str(error)))
        except Refused as error:
            self._end(domain.failed(self.granted, domain.FAILED.get(error.code, error.code), str(error)))
        except (ValidationError, Reject, OSError) as error:
            self._end(domain.released(self.granted, *domain.own_fault(error)))
        finally:
            if self._served:
                self._served.cancel()
            await self._kill()
            self._let_go()
            for done in (folder, inputs):
                shutil.rmtree(done, ignore_errors=True)

    async def drop(self) -> None:
        """Stop at once and say nothing: the lease is somebody else's now."""
        self._dropped = True
        await self._kill()

    def leave(self, reason: str) -> None:
        """Stop after the segment in hand and release the lease."""
        self._leaving = reason
        if self._runner:
            self._runner.stop()

    def committed(self, segment: int) -> None:
        """Let the child close the segment after the next one: this one is where a kill cannot take it any more."""
        if self._runner:
            self._runner.commit(segment + 1)

    async def _work(self, runner: Runner, folder: Path, laid: Path) -> None:
        spec = self.granted.spec
        params = read_params(spec.kind, spec.params)
        domain.check_plan(spec, workload(spec.kind).plan(params))
        course = domain.recall(self.granted, self._committed)
        # A child that does not hold its libraries yet loads them while the inputs come.
        runner.load((spec.kind,))
        task = await self._task(course, folder, laid)
        async for message in self._heard(runner, task):
            if self._dropped:
                return
            if isinstance(message, Ready) and isinstance(params, ServeParams):
                self._serve(params)
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
                    # A token waits for no checkpoint.
                    if isinstance(message, Answered) and self._serving:
                        await self._serving.tell(message.word)
                    else:
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
        """What the child says of the task, which ends soon after the lease's deadline at the latest."""
        async for message in runner.run(task, self._left_s()):
            yield message

    def _left_s(self) -> float:
        return max(0.0, (self.granted.deadline_ms + GRACE_MS - self._tools.now()) / 1000)

    async def _task(self, course: Course | None, folder: Path, laid: Path) -> Task:
        spec, resume, cache = self.granted.spec, self.granted.resume, self._tools.cache
        checkpoint = self._committed[-1].checkpoint if self._committed else resume.checkpoint if resume else None
        if spec.seal:
            # Before there is work that could not be stored: an order may name as its seal what is none.
            await cache.sealing(spec.seal)
        names = {digest: name_of(digest, spec) for digest in spec.inputs}
        state = made_of(checkpoint, spec) if checkpoint else None
        found = await cache.lay_all((*names.values(), *([state] if state else ())), laid)
        first = course.segment if course else resume.segment + 1 if resume else 0
        return Task(
            kind=spec.kind,
            params=spec.params,
            inputs={digest: found[name] for digest, name in names.items()},
            models=str(self._tools.models_dir),
            private=str(self._tools.private_dir) if self._tools.private_dir else None,
            folder=str(folder),
            first=first,
            last=spec.segments,
            state=found[state] if state else None,
            # Who is asked for text waits for no commitment.
            is_paced=not isinstance(workload(spec.kind), Live),
        )

    async def _on_message(self, course: Course | None, message: Message) -> Course | None:
        match message:
            case Ready():
                course = course or self._start(message)
            case Progressed() if course:
                self._tell(message)
            case SegmentDone() if course:
                course = await self._close(course, message)
            case Finished() if course:
                await self._finish(course, message)
            case Failed():
                self._fail(message)
        return course

    def _tell(self, far: Progressed) -> None:
        """Keep how far the segment is for the next heartbeat, and say it if that was not done for a while.

        What waits for the way to open has no need of company: progress that comes late is none.
        """
        self.progress = far.model_dump(exclude={"said"}) | {"metrics": domain.first_of(far.metrics)}
        now_ms = self._tools.now()
        if now_ms - self._told_ms >= self._tools.progress_ms and self._tools.outgoing.is_clear:
            self._told_ms = now_ms
            said = domain.progressed(self.granted, far.segment, far.done, far.total, far.metrics)
            self._tools.outgoing.say(said)

    def _start(self, ready: Ready) -> Course:
        course = domain.begin(self.granted, ready.state_digest)
        self._say(domain.started(self.granted))
        return course

    def _serve(self, params: ServeParams) -> None:
        """Let callers ask the child from now on, as far as they vouch for it."""
        talks, vouchers, runner = self._tools.talks, self._tools.vouchers, self._runner
        if talks and vouchers and runner:
            account = vouchers.account(self.granted, params, len(self._committed))
            self._serving = Serving(params.batch, params.waiting, runner, account)
            self._served = asyncio.create_task(self._answer(self._serving, partial(talks, self.granted)))

    async def _answer(self, serving: Serving, open_talk: Callable[[], Awaitable[Talk]]) -> None:
        """Answer callers until the lease ends; end it if its requester does not vouch for what it gets."""
        try:
            await serving.run(open_talk)
        except Unvouched as error:
            self._end(domain.failed(self.granted, error.code, str(error)))
            await self.drop()

    async def _close(self, course: Course, done: SegmentDone) -> Course:
        path = Path(done.path)
        checkpoint = self._published = await self._tools.cache.publish(path, self.granted.spec, self._published)
        with suppress(FileNotFoundError):
            path.unlink()
        made = (done.segment, done.state_digest, checkpoint, done.units, done.compute_ms, done.metrics)
        closed = Closed(*made, self._tools.machine, code_of(self.granted.spec.kind))
        course, said = domain.commit(course, closed)
        self._say(said)
        if self._serving:
            self._serving.close()
            self._present()
        # However small the segments are, heartbeats and the feed get their turn in between.
        await asyncio.sleep(0)
        return course

    async def _finish(self, course: Course, finished: Finished) -> None:
        if finished.result and course.is_complete:
            result = await self._tools.cache.publish(Path(finished.result), self.granted.spec, self._published)
            self._end(domain.executed(course, result))
        else:
            self._end(domain.released(self.granted, self._leaving or "the worker was asked to stop"))

    def _fail(self, failed: Failed) -> None:
        if failed.code == BadCheckpoint.code and self.granted.resume and not (self._committed or self._published):
            # Every machine that took it would fall at it, and be told from one that leaves by nobody.
            raise domain.FalseCheckpoint(failed.detail)
        if failed.fault:
            self._end(domain.released(self.granted, failed.detail, failed.code))
        else:
            self._end(domain.failed(self.granted, failed.code, failed.detail))

    def _end(self, event: domain.Ending) -> None:
        if not self._dropped:
            self._present()
            self._say(event)
            log.info("lease ended: %s", event.type, extra={"lease": event.lease_id, "job": event.job_id})

    def _present(self) -> None:
        """Hand in what is owed by now."""
        if self._tools.vouchers:
            self._tools.vouchers.present(self.granted)

    def _say(self, event: Event) -> None:
        self._tools.outgoing.say(event)
        self._tools.telemetry.led_to(event, self.trace, self._since_ns)
        self._since_ns = time.time_ns()
