"""A worker that is killed with SIGKILL while its child closes segments faster than they can be committed."""

import asyncio
import random
import sys
from pathlib import Path

import pytest
from tests.played import until


@pytest.mark.parametrize("seed", range(3))
async def test_a_kill_loses_one_closed_segment_at_most(tmp_path: Path, seed: int) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.execution.tests.killed_worker", str(tmp_path)
    )
    try:
        await until(lambda: len(taken(tmp_path)) > 3)
        await asyncio.sleep(random.Random(seed).uniform(0.0, 0.3))
    finally:
        process.kill()
        await process.wait()
    committed = taken(tmp_path)
    assert committed == list(range(len(committed)))
    # What is stored already is gone from the room; what is closed and not stored lies there.
    assert max(closed(tmp_path), default=-1) - committed[-1] <= 1


def taken(folder: Path) -> list[int]:
    """The segments whose commitments were taken, as far as their lines are whole."""
    file = folder / "taken"
    return [int(line) for line in file.read_text().splitlines(True) if line.endswith("\n")] if file.exists() else []


def closed(folder: Path) -> list[int]:
    """The segments that the child has closed and the worker has not stored."""
    return [int(path.stem) for path in folder.rglob("*.state") if path.stem.isdigit()]
