"""Processes with needs: order, restart, stop."""

import asyncio
import os
import signal

import pytest

from assay.devnet.errors import NotReady
from assay.devnet.process import Process
from assay.devnet.supervisor import Supervisor, Task, levels, until_stopped

from .conftest import python, until

STAMP = """
import signal, sys, time
name, log = sys.argv[1:]
def say(what):
    open(log, "a").write(f"{what} {name}\\n")
def bye(*_):
    say("stop")
    sys.exit(0)
signal.signal(signal.SIGTERM, bye)
say("start")
time.sleep(600)
"""


def task(folder, name, needs=(), restart=False, code=STAMP) -> Task:
    log = folder / "order"

    async def has_said(_: int) -> bool:
        return log.exists() and f"start {name}\n" in log.read_text()

    process = Process(name, [*python(code), name, log], log_file=folder / f"{name}.log", ready=has_said)
    process.start_within_s = 60.0
    return Task(process, needs, restart)


def order(folder) -> list[str]:
    return (folder / "order").read_text().splitlines()


async def test_processes_start_in_the_order_of_their_needs_and_stop_the_other_way_round(folder):
    async with Supervisor() as supervisor:
        await supervisor.start({"c": task(folder, "c", ("b",)), "b": task(folder, "b", ("a",)), "a": task(folder, "a")})
        assert {name: status.state for name, status in supervisor.status().items()} == dict.fromkeys("abc", "running")
    assert order(folder) == ["start a", "start b", "start c", "stop c", "stop b", "stop a"]
    assert all(status.exit_code == 0 for status in supervisor.status().values())


async def test_one_may_join_and_leave_while_the_others_run(folder):
    async with Supervisor() as supervisor:
        await supervisor.start({"a": task(folder, "a")})
        await supervisor.start({"b": task(folder, "b", ("a",))})
        assert await supervisor.stop_one("b") == 0
        assert supervisor.status()["a"].state == "running"
        assert supervisor.status()["b"].state == "stopped"
    assert order(folder) == ["start a", "start b", "stop b", "stop a"]


async def test_a_crashed_process_is_started_again(folder):
    async with Supervisor() as supervisor:
        await supervisor.start({"a": task(folder, "a", restart=True)})
        first = supervisor.status()["a"].pid
        supervisor.kill("a")
        await until(lambda: supervisor.status()["a"].restarts == 1 and supervisor.status()["a"].state == "running")
        assert supervisor.status()["a"].pid != first


async def test_a_process_that_is_not_to_be_restarted_stays_down(folder):
    async with Supervisor() as supervisor:
        await supervisor.start({"a": task(folder, "a")})
        supervisor.kill("a", signal.SIGKILL)
        await until(lambda: supervisor.status()["a"].state == "ended")
        assert supervisor.status()["a"].exit_code == -signal.SIGKILL
        await supervisor.start_one("a")
        assert supervisor.status()["a"].state == "running"


async def test_one_that_keeps_failing_is_tried_again_and_can_be_stopped(folder):
    once = "import os, sys; log = sys.argv[2]; first = not os.path.exists(log)\n" + STAMP.replace(
        'say("start")', 'first or sys.exit(3); say("start")'
    )
    async with Supervisor() as supervisor:
        await supervisor.start({"a": task(folder, "a", restart=True, code=once)})
        supervisor.kill("a")
        await until(lambda: supervisor.status()["a"].restarts >= 2)
        await supervisor.stop_one("a")
        assert supervisor.status()["a"].state == "stopped"


async def test_a_fault_of_one_is_raised_and_none_is_left(folder):
    async with Supervisor() as supervisor:
        with pytest.raises(NotReady, match="bad ended"):
            await supervisor.start(
                {"good": task(folder, "good"), "bad": task(folder, "bad", code="raise SystemExit(2)")}
            )
        assert supervisor.status()["bad"].state == "ended"
    assert supervisor.status()["good"].state == "stopped"


def test_needs_make_levels(folder):
    tasks = {name: task(folder, name, needs) for name, needs in {"a": (), "b": (), "c": ("a", "b", "gone")}.items()}
    assert [set(level) for level in levels(tasks)] == [{"a", "b"}, {"c"}]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_asks_us_to_stop(number):
    asked = asyncio.create_task(until_stopped())
    await asyncio.sleep(0)
    os.kill(os.getpid(), number)
    assert await asyncio.wait_for(asked, 60) == number
