"""A child process held by its parent: give it a task, read what happens, stop it after a segment, or kill it.

A child with a policy is in a sandbox before it reads anything, and is not believed: what it says is bounded, and the
files that it names lie in its own scratch, or it is ended.
"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from assay.schema.served import Request
from assay.workloads.egress.gate import Gate, gate_of
from assay.workloads.egress.outside import OPEN, Outside
from assay.workloads.environment import child_environment
from assay.workloads.registry import fitted
from assay.workloads.sandbox import Confined, Policy, SandboxUnavailable
from assay.workloads.sandbox.errors import DETAIL_MAX, breach
from assay.workloads.sandbox.watch import PERIOD_S, look
from assay.workloads.task import (
    FROM_CHILD,
    Allow,
    Ask,
    Committed,
    Failed,
    Finished,
    Message,
    Preload,
    SegmentDone,
    Stop,
    Task,
    ToChild,
    Warm,
    Word,
)

LINE_BYTES_MAX = 1 << 20
SAID_BYTES_MAX: Final = 256 << 20
"""What a child says of one task: ten thousand segments and every step between them take a tenth of it."""
CODE: Final = re.compile(r"^[a-z][a-z_.]{0,63}$")


class Garbled(Exception):
    """The child said what no honest child says."""


class Runner:
    """One child process, started at the first task and again after it died. One task at a time.

    Without a policy nothing but a process of its own holds the child: for work that nobody else has sent. Programs that
    reach hosts do so by a gate, in the world `outside`.
    """

    def __init__(self, log_file: Path | None = None, policy: Policy | None = None, outside: Outside = OPEN) -> None:
        self.policy = policy.public if policy else None
        self._own = policy
        self._log_file = log_file
        self._process: asyncio.subprocess.Process | None = None
        self._confined: Confined | None = None
        self._over: Failed | None = None
        self._outside = outside
        self._gate: Gate | None = None
        self._unended = 0

    @property
    def pid(self) -> int | None:
        """The process id of the living child."""
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if alive and self._process else None

    async def warm(self, kinds: Sequence[str] = ()) -> None:
        """Start the child before there is a task, and have it load what these kinds need: no task waits for it then."""
        if self.pid is None:
            self._process = await self._spawn()
            self.load(kinds)

    def load(self, kinds: Sequence[str]) -> None:
        """Have the child, if it is alive, load what these kinds need before it reads its next task."""
        if kinds and self.pid is not None:
            self._unended += 1
            self._tell(Preload(kinds=tuple(kinds)))

    async def confined(self) -> Confined | None:
        """What holds the child, as it says before anything else; none without a policy. Raises SandboxUnavailable."""
        await self.warm()
        if self.policy is None or self._confined is not None:
            return self._confined
        assert self._process is not None and self._process.stdout is not None
        line = await self._process.stdout.readline()
        try:
            said = Confined.model_validate_json(line)
            if self._gate:
                self._gate.open()
        except ValidationError:
            pass
        except SandboxUnavailable:
            await self.kill()
            raise
        else:
            self._confined = said
            return said
        await self.kill()
        try:
            refused = FROM_CHILD.validate_json(line)
        except ValidationError:
            refused = None
        raise SandboxUnavailable(refused.detail if isinstance(refused, Failed) else "The child has not started.")

    async def run(self, task: ToChild, wall_s: float | None = None) -> AsyncGenerator[Message, None]:
        """What the child says of `task`, ending with Finished or Failed; a child that dies is a Failed too.

        What the child says yet of tasks that nobody heard to their end is passed over. `wall_s` is how long it may
        take, if that is not the policy's own.
        """
        try:
            await self._fit(task)
            await self.confined()
        except SandboxUnavailable as error:
            yield Failed(code=error.code, detail=str(error), fault=True)
            return
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        before, self._unended = self._unended, self._unended + 1
        process.stdin.write(task.model_dump_json().encode() + b"\n")
        watch = asyncio.create_task(self._watch(process, wall_s)) if self.policy else None
        try:
            async for message in self._heard(process.stdout):
                is_end = isinstance(message, Finished | Failed)
                self._unended -= is_end
                if before:
                    before -= is_end
                    continue
                yield message
                if is_end:
                    return
        except Garbled as error:
            self._over = breach("sandbox.garbled", str(error))
            await self._end(process)
        finally:
            if watch:
                watch.cancel()
            if self.policy and self.policy.box_bytes:
                # Programs of one job leave nothing behind for the next. Who is started now waits for work of any kind.
                await self._end(process)
                self.policy = self._own.public if self._own else None
        code = await process.wait()
        yield self._over or Failed(code="workload.died", detail=f"The child process ended with {code}.", fault=True)

    async def _fit(self, task: ToChild) -> None:
        """Hold a child that is as its task needs it: those that execute programs are of one task.

        Whoever has seen private data does nothing else.
        """
        wanted = self._own
        if wanted and isinstance(task, Task | Warm):
            wanted = fitted(wanted, task.kind, task.params)
        if wanted != self.policy:
            await self.kill()
            self.policy = wanted

    def stop(self) -> None:
        """Ask the child to end its task after the segment in hand."""
        self._tell(Stop())

    def _tell(self, word: Word | Stop | Preload) -> None:
        """Tell the child something beside its task, if it is alive."""
        if self.pid is not None and self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(word.model_dump_json().encode() + b"\n")

    def ask(self, request: Request) -> None:
        """Hand a request to the child, whose task serves."""
        self._tell(Ask(request=request))

    def allow(self, tokens: int) -> None:
        """Let the child, whose task serves, say so many tokens altogether."""
        self._tell(Allow(tokens=tokens))

    def commit(self, segments: int) -> None:
        """Let the child, whose task is paced, know how many segments of the job are committed."""
        self._tell(Committed(segments=segments))

    async def kill(self) -> None:
        """End the child at once; the next task starts a new one."""
        if self.pid is not None and self._process is not None:
            await self._end(self._process)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Kill a child with all that it may have started."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        if self._gate:
            await self._gate.close()

    async def _heard(self, said: asyncio.StreamReader) -> AsyncIterator[Message]:
        """The child's lines as messages, until it is gone. Raises Garbled."""
        size = 0
        while line := await _line(said):
            size += len(line)
            if size > SAID_BYTES_MAX:
                raise Garbled(f"It said more than {SAID_BYTES_MAX} bytes of one task.")
            yield self._believed(line)

    def _believed(self, line: bytes) -> Message:
        """A line as a message that can be acted on. Raises Garbled."""
        try:
            message = FROM_CHILD.validate_json(line)
        except ValidationError as error:
            raise Garbled(f"Its line is no message: {error.errors()[0]['msg']}.") from None
        if isinstance(message, Failed):
            return believed(message)
        named = getattr(message, "path", None) or getattr(message, "result", None)
        if named and self.policy and not is_within(Path(named), self.policy.scratch):
            raise Garbled("It named a file that is not in its scratch.")
        if isinstance(message, SegmentDone) and self._gate:
            return message.model_copy(update={"metrics": message.metrics | {"egress_bytes": self._gate.take()}})
        return message

    async def _watch(self, process: asyncio.subprocess.Process, wall_s: float | None) -> None:
        """End a child that is over a limit."""
        policy = self.policy
        assert policy is not None
        wall_s = policy.wall_s if wall_s is None else wall_s
        ends_s = asyncio.get_running_loop().time() + wall_s
        logged = self._logged()
        while self._over is None:
            left_s = ends_s - asyncio.get_running_loop().time()
            await asyncio.sleep(max(0.0, min(PERIOD_S, left_s)))
            self._over = look(process.pid, policy, self._logged() - logged)
            if left_s <= PERIOD_S and self._over is None:
                self._over = breach("sandbox.time", f"It was to end within {wall_s:.0f} s.")
        await self._end(process)

    def _logged(self) -> int:
        return self._log_file.stat().st_size if self._log_file and self._log_file.exists() else 0

    async def _spawn(self) -> asyncio.subprocess.Process:
        self._unended, self._confined, self._over = 0, None, None
        told = [self.policy.model_dump_json()] if self.policy else []
        if self.policy:
            clear(self.policy.temporary)
            self._gate = gate_of(self.policy.egress, self._outside)
        handed = (self._gate.end,) if self._gate else ()
        log = self._log_file.open("ab") if self._log_file else None
        try:
            return await asyncio.create_subprocess_exec(
                # -P: the folder that the worker was started in is no place to import from.
                *(sys.executable, "-P", "-m", "assay.workloads.child", *told, *map(str, handed)),
                pass_fds=handed,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=LINE_BYTES_MAX,
                env=child_environment(os.environ, self.policy),
                start_new_session=True,
            )
        finally:
            if log:
                log.close()
            if self._gate:
                self._gate.inherited()


def believed(failed: Failed) -> Failed:
    """Return a failure as it can be told on: who says it may be a stranger's program."""
    code = failed.code if CODE.match(failed.code) else "workload.failed"
    return failed.model_copy(update={"code": code, "detail": failed.detail[: 2 * DETAIL_MAX]})


async def _line(said: asyncio.StreamReader) -> bytes:
    """The next line; empty at the end. Raises Garbled for one without an end."""
    try:
        return await said.readline()
    except ValueError:
        raise Garbled(f"It said a line of more than {LINE_BYTES_MAX} bytes.") from None


def is_within(path: Path, folder: Path) -> bool:
    """Whether a path leads to a plain file beneath a folder, links followed."""
    real = path.resolve()
    return real.is_relative_to(folder.resolve()) and real.is_file()


def clear(folder: Path) -> None:
    """Make an empty folder of it: a child that died may have left anything."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        # Folders in folders, as deep as only somebody with a purpose makes them.
        subprocess.run(["rm", "-rf", "--", folder], check=False)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
