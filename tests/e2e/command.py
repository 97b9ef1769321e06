"""The `assay` command: in a process of its own, as a shell runs it, or forked off one that has loaded it already."""

import asyncio
import json
import multiprocessing
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

WITHIN_S = 240.0
LOADED: Final = multiprocessing.get_context("forkserver")
LOADED.set_forkserver_preload(["assay.client.cli", "assay.chain.client", "assay.chain.deploy"])


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
    """Run `assay` with these words to its end, as the party that the profile is of."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        how = (out, err, [*map(str, words)], environment(profile), cwd or Path.cwd())
        process = LOADED.Process(target=command, args=how)
        process.start()
        await asyncio.to_thread(process.join, WITHIN_S)
        if process.exitcode is None:
            process.kill()
        assert process.exitcode is not None, f"assay {words} did not end: {err.read_text()[-3000:]}"
        return Ran(process.exitcode, out.read_text(), err.read_text())


def command(out: Path, err: Path, words: list[str], environ: dict[str, str], cwd: Path) -> None:
    """What the forked process does: all that a shell would have done, and the command."""
    for path, number in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(cwd)
    sys.argv = ["assay", *words]
    from assay.client.cli import main

    main()


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
    argv = [sys.executable, "-c", "from assay.client.cli import main; main()", *map(str, words)]
    return await asyncio.create_subprocess_exec(*argv, stdout=PIPE, stderr=PIPE, env=environment(profile), cwd=cwd)


def environment(profile: Path | None) -> dict[str, str]:
    """This process's own, with nothing of Assay in it but the profile."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    return own | ({"ASSAY_PROFILE": str(profile)} if profile else {})
