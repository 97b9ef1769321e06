"""The `assay` command as a shell runs it."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WITHIN_S = 150.0


@dataclass(frozen=True)
class Ran:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one line of JSON that it printed."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Each line that it printed, as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


async def assay(*words: object, profile: Path | None = None, cwd: Path | None = None) -> Ran:
    """Run `assay` with these words, as the party that the profile is of."""
    process = await begin(words, profile, cwd)
    out, err = await asyncio.wait_for(process.communicate(), WITHIN_S)
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def running(*words: object, profile: Path | None = None) -> AsyncIterator[Process]:
    """`assay` with these words while it runs; it is killed in the end if it has not ended."""
    process = await begin(words, profile, None)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def begin(words: tuple[object, ...], profile: Path | None, cwd: Path | None) -> Process:
    """The process of a command."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    env |= {"ASSAY_PROFILE": str(profile)} if profile else {}
    argv = [sys.executable, "-c", "from assay.client.cli import main; main()", *map(str, words)]
    return await asyncio.create_subprocess_exec(*argv, stdout=PIPE, stderr=PIPE, env=env, cwd=cwd)
