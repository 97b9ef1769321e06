"""`assay up` to `assay down` in a folder of its own: it survives the death of its keeper and leaves nothing behind."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from tests.e2e.command import assay

from assay.devnet.proc import PROC, pids

pytestmark = [pytest.mark.server, pytest.mark.slow]

PARTIES = {"devnet", "provider-1", "verifier-1", "verifier-2", "verifier-3"}
SERVICES = {"nats", "postgres", "evm", "discovery", "gateway", "matching", "settlement", "verification"}


async def test_a_network_comes_up_is_killed_recovers_and_goes_down(tmp_path: Path) -> None:
    data = tmp_path / "network"
    words = ("--data", data, "--json")
    up = ("up", *words, "--providers", 1, "--models", tmp_path / "models")
    try:
        assert (await assay(*up)).code == 0
        before = (await assay("status", *words)).json
        assert {name for name, process in before.items() if process["running"]} == SERVICES | PARTIES
        again = await assay(*up)
        assert again.code != 0 and "assay down" in again.json["detail"]

        os.kill(before["devnet"]["pid"], signal.SIGKILL)
        await until_none_is_left(data)
        assert (await assay(*up)).code == 0
        await submitted_and_settled(data / "parties" / "requester")
        log = await assay("logs", "gateway", "--data", data)
        assert log.code == 0 and "listens" in log.out
    finally:
        down = await assay("down", *words)
    assert down.json == {"stopped": True}
    await until_none_is_left(data)
    assert (await assay("down", *words)).json == {"stopped": False}


async def submitted_and_settled(profile: Path) -> None:
    where = ("--price-limit", 1_000, "--watch", "--json")
    ran = await assay("submit", "--kind", "noop", "-p", "segments=2", *where, profile=profile)
    assert ran.code == 0 and ran.lines[-1]["type"] == "job.settled", ran


async def until_none_is_left(data: Path) -> None:
    """Return once no process works with the folder."""
    async with asyncio.timeout(30):
        while left := [words for pid in pids() if str(data) in (words := words_of(pid))]:
            assert left
            await asyncio.sleep(0.1)


def words_of(pid: int) -> str:
    """What a process was started with; nothing if it has ended."""
    try:
        return (PROC / str(pid) / "cmdline").read_text() + (PROC / str(pid) / "environ").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""
