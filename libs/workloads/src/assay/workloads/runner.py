"""A child process held by its parent: give it a task, read what happens, stop it after a segment, or kill it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from assay.workloads.task import FROM_CHILD, Failed, Finished, Message, Stop, ToChild

LINE_BYTES_MAX = 1 << 20


class Runner:
    """One child process, started at the first task and again after it died. One task at a time."""

    def __init__(self, log_file: Path | None = None) -> None:
        self._log_file = log_file
        self._process: asyncio.subprocess.Process | None = None
        self._unended = 0

    @property
    def pid(self) -> int | None:
        """The process id of the living child."""
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if alive and self._process else None

    async def warm(self) -> None:
        """Start the child before there is a task, so that the first one does not wait for the interpreter."""
        if self.pid is None:
            self._process = await self._spawn()

    async def run(self, task: ToChild) -> AsyncIterator[Message]:
        """What the child says of `task`, ending with Finished or Failed; a child that dies is a Failed too.

        What the child says yet of tasks that nobody heard to their end is passed over.
        """
        await self.warm()
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        before, self._unended = self._unended, self._unended + 1
        process.stdin.write(task.model_dump_json().encode() + b"\n")
        while line := await process.stdout.readline():
            message = FROM_CHILD.validate_json(line)
            is_end = isinstance(message, Finished | Failed)
            self._unended -= is_end
            if before:
                before -= is_end
                continue
            yield message
            if is_end:
                return
        code = await process.wait()
        yield Failed(code="workload.died", detail=f"The child process ended with {code}.", fault=True)

    def stop(self) -> None:
        """Ask the child to end its task after the segment in hand."""
        if self.pid is not None and self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(Stop().model_dump_json().encode() + b"\n")

    async def kill(self) -> None:
        """End the child at once; the next task starts a new one."""
        if self.pid is not None and self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _spawn(self) -> asyncio.subprocess.Process:
        self._unended = 0
        log = self._log_file.open("ab") if self._log_file else None
        try:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "assay.workloads.child",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=LINE_BYTES_MAX,
                env=child_environment(),
            )
        finally:
            if log:
                log.close()


def child_environment() -> dict[str, str]:
    """The parent's environment without its secrets, and with the hub switched off."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    return kept | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1"}
