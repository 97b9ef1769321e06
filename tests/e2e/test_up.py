"""`assay up` to `assay down` in a folder of its own: it survives the death of its keeper and leaves nothing behind."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from textwrap import indent

import pytest
from tests.architecture.guides import blocks
from tests.e2e.command import assay, running
from tests.network import ROOT, WITHIN_S

from assay.devnet.proc import PROC, pids

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(900)]

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
        async with running("logs", "verification", "--data", data, "--follow") as log:
            job_id = await submitted_and_settled(data / "parties" / "requester")
            await until_printed(log, job_id)
        read = await assay("logs", "gateway", "--data", data)
        assert read.code == 0 and "listens" in read.out
        await snippet_of_the_first_page(data / "parties" / "requester", tmp_path)
    finally:
        down = await assay("down", *words)
    assert down.json == {"stopped": True}
    await until_none_is_left(data)
    assert (await assay("down", *words)).json == {"stopped": False}


async def submitted_and_settled(profile: Path) -> str:
    where = ("--price-limit", 1_000, "--watch", "--json")
    ran = await assay("submit", "--kind", "noop", "-p", "segments=2", *where, profile=profile)
    assert ran.code == 0 and ran.lines[-1]["type"] == "job.settled", ran
    return str(ran.lines[0]["job_id"])


async def until_printed(log: Process, job_id: str) -> None:
    """Return once a line of a log that is followed names a job."""
    assert log.stdout
    async with asyncio.timeout(WITHIN_S):
        async for line in log.stdout:
            if json.loads(line).get("job") == job_id:
                return
    pytest.fail(f"the log ended without {job_id}")


async def snippet_of_the_first_page(profile: Path, folder: Path) -> None:
    """Run the program that the README shows, as it stands there, in a folder of its own."""
    (shown,) = [block for block in blocks(ROOT / "README.md", "python") if "Assay.connect" in block]
    code = f"async def main():\n{indent(shown, '    ')}\nimport asyncio; asyncio.run(main())"
    env = {"ASSAY_PROFILE": str(profile), "PATH": os.environ["PATH"]}
    run = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=folder, env=env, stderr=PIPE)
    _, said = await asyncio.wait_for(run.communicate(), WITHIN_S)
    assert run.returncode == 0, said.decode()
    assert len((folder / "result").read_bytes()) == 32


async def until_none_is_left(data: Path) -> None:
    """Return once no process works with the folder."""
    async with asyncio.timeout(WITHIN_S):
        while left := [words for pid in pids() if str(data) in (words := words_of(pid))]:
            assert left
            await asyncio.sleep(0.1)


def words_of(pid: int) -> str:
    """What a process was started with; nothing if it has ended."""
    try:
        return (PROC / str(pid) / "cmdline").read_text() + (PROC / str(pid) / "environ").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""
