"""A process is started, watched and ended; none is left, and none that is not ours is touched."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from assay.devnet.errors import NotReady
from assay.devnet.proc import listens, start_ticks
from assay.devnet.process import Process
from assay.devnet.record import Record, end, has_ended

from .conftest import python, running_in, until

SLEEP = "import time; time.sleep(600)"
DEAF = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)


def sleeper(folder: Path, code: str = SLEEP, **more) -> Process:
    return Process("sleeper", [*python(code), folder], log_file=folder / "log", record=folder / "run.json", **more)


async def said(process: Process, pid: int) -> bool:
    return "up" in process.log_tail()


async def test_a_process_runs_until_it_is_stopped(folder):
    process = sleeper(folder)
    await process.start()
    record = Record.read(folder / "run.json")
    assert record is not None and record.is_alive() and record.pid == process.pid
    assert await process.stop() == -signal.SIGTERM
    assert (process.pid, process.exit_code, record.is_alive()) == (None, -signal.SIGTERM, False)
    assert not (folder / "run.json").exists()
    assert await process.stop() == -signal.SIGTERM


async def test_a_process_that_does_not_listen_is_killed_after_the_deadline(folder):
    process = sleeper(folder, DEAF, stop_within_s=0.2)
    process.ready = lambda pid: said(process, pid)
    await process.start()
    assert await process.stop() == -signal.SIGKILL


async def test_a_process_that_ends_before_it_is_ready_shows_its_log(folder):
    async def never(_: int) -> bool:
        return False

    process = sleeper(folder, "raise SystemExit('no luck today')", ready=never)
    with pytest.raises(NotReady, match="no luck today"):
        await process.start()
    assert process.exit_code == 1


async def test_a_process_that_is_never_ready_is_ended(folder):
    async def never(_: int) -> bool:
        return False

    process = sleeper(folder, ready=never, start_within_s=0.2)
    with pytest.raises(NotReady, match="was not ready"):
        await process.start()
    assert process.pid is None


async def test_a_program_that_does_not_exist_is_a_typed_fault(folder):
    with pytest.raises(NotReady, match="could not be started"):
        await Process("nothing", [folder / "nothing"]).start()


async def test_what_a_process_leaves_in_its_session_ends_with_it(folder):
    code = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {SLEEP!r}, sys.argv[1]]); {SLEEP}"
    process = sleeper(folder, code)
    await process.start()
    await until(lambda: len(running_in(folder)) == 2)
    process.kill(signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL
    await until(lambda: running_in(folder) == [])


async def test_the_next_start_ends_what_the_last_one_left(folder):
    first = sleeper(folder)
    await first.start()
    second = sleeper(folder)
    await second.start()
    assert await first.wait() == -signal.SIGTERM
    assert Record.read(folder / "run.json") == Record.of(second.pid, tuple(map(str, second.argv)))
    await second.stop()


async def test_a_foreign_process_with_the_recorded_pid_is_never_touched(folder):
    foreign = subprocess.Popen(python(SLEEP))
    try:
        ours = Record.of(foreign.pid)
        assert ours is not None
        for stale in (replace(ours, start_ticks=ours.start_ticks - 1), replace(ours, boot_id="an earlier boot")):
            stale.write(folder / "run.json")
            process = sleeper(folder)
            assert await process.end_former() is False
            await process.start()
            await process.stop()
            assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.wait()


async def test_a_record_that_was_cut_off_counts_as_none(folder):
    (folder / "run.json").write_text('{"pid": 12')
    process = sleeper(folder)
    await process.start()
    await process.stop()


async def test_a_process_that_ended_long_ago_is_not_waited_for():
    child = subprocess.Popen(python(SLEEP))
    record = Record.of(child.pid)
    child.kill()
    child.wait()
    assert record is not None
    assert await end(record, signal.SIGTERM, 10.0) is False


async def test_many_may_wait_for_one_process(folder):
    process = sleeper(folder)
    await process.start()
    waiting = [asyncio.create_task(has_ended(process.pidfd, 10.0)) for _ in range(3)]
    await asyncio.sleep(0)
    process.kill(signal.SIGTERM)
    assert await asyncio.gather(*waiting) == [True] * 3
    await process.stop()


async def test_our_own_settings_do_not_reach_a_process(folder, monkeypatch):
    monkeypatch.setenv("ASSAY_MATCHING_NATS_URL", "nats://elsewhere")
    code = "import os; print(sorted(k for k in os.environ if k.startswith('ASSAY')))"
    process = sleeper(folder, code, env={"ASSAY_GIVEN": "1"})
    await process.start()
    assert await process.wait() == 0
    assert process.log_tail().strip() == "['ASSAY_GIVEN']"


def test_a_port_belongs_to_the_process_that_listens_on_it():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listens(os.getpid(), port)
        assert not listens(os.getppid(), port)
    assert not listens(os.getpid(), port)


def test_a_zombie_does_not_run():
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert start_ticks(child.pid) is None
    child.wait()
