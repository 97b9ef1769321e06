"""What the tests of processes share: programs that do one thing, and a look at what still runs."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assay.devnet.proc import PROC, pids, start_ticks, working_directory

WITHIN_S = 60.0


def python(code: str) -> list[str]:
    """The command line of a small program."""
    return [sys.executable, "-c", code]


def belongs_to(pid: int, folder: Path) -> bool:
    """Whether a process works in the folder or names it in its command line."""
    try:
        named = str(folder).encode() in (PROC / str(pid) / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    where = working_directory(pid)
    return start_ticks(pid) is not None and (named or (where is not None and where.is_relative_to(folder)))


def running_in(folder: Path) -> list[int]:
    """Every process that has to do with the folder."""
    return [pid for pid in pids() if belongs_to(pid, folder)]


async def until(is_so: Callable[[], object]) -> None:
    """Return when it is so. Raises TimeoutError."""
    async with asyncio.timeout(WITHIN_S):
        while not is_so():
            await asyncio.sleep(0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nothing runs any more when the test is over."""
    yield tmp_path
    assert running_in(tmp_path) == []
