"""What a hostile job does to its host: real children, each act stopped by a typed failure, and harming nobody."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from assay.workloads.runner import Runner
from assay.workloads.task import Finished, SegmentDone, Task

MIB: Final = 2**20
Where = Callable[[Any], str | Path]


def nowhere(machine: Any) -> str:
    return ""


def key(machine: Any) -> Path:
    return machine.key


def journal(machine: Any) -> Path:
    return machine.journal


def neighbour(machine: Any) -> Path:
    return machine.room("neighbour").scratch / "0.state"


def text(machine: Any) -> Path:
    return machine.room("held").inputs / "text"


def dots(machine: Any) -> str:
    return f"{machine.room('held').scratch}/../../../key"


def port(machine: Any) -> str:
    return str(machine.port)


def unix(machine: Any) -> Path:
    return machine.socket


def abstract(machine: Any) -> str:
    return "\0assay"


FILES: Final[list[tuple[str, Where]]] = [
    *(("read", key), ("read", journal), ("read", dots), ("read_beside", key), ("read", neighbour)),
    *(("link", key), ("hard_link", key), ("overwrite", neighbour), ("overwrite", text), ("cut", text)),
    *(("open_up", key), ("date_back", journal)),
]
LINKS: Final = {"link", "hard_link"}
OTHERS: Final[list[tuple[str, Where]]] = [
    *(("call_tcp", port), ("call_udp", nowhere), ("call_unix", unix)),
    *(("fork", nowhere), ("execute", nowhere), ("signal_parent", nowhere), ("read_environment", nowhere)),
    *(("limit_parent", nowhere), ("have_signals_sent", nowhere)),
]
FOR_ROOT: Final[list[tuple[str, Where]]] = [
    *(("call_raw", nowhere), ("call_by_pair", abstract), ("trace_parent", nowhere), ("read_memory", nowhere)),
    *(("unshare", nowhere), ("mount", nowhere), ("load_program", nowhere), ("take_key_ring", nowhere)),
    *(("fork_bomb", nowhere), ("replace", nowhere), ("outlive_parent", nowhere)),
]


@pytest.mark.parametrize(("act", "where"), [*FILES, *OTHERS, *FOR_ROOT])
async def test_what_no_job_may_is_denied_and_the_child_lives_on(
    machine: Any, held: Runner, act: str, where: Where
) -> None:
    neighbour(machine).write_bytes(b"another lease's state")
    before = held.pid
    assert await machine.code(held, act, where(machine)) == "sandbox.denied"
    assert held.pid == before or before is None
    assert machine.key.read_text() == "the provider's key" and machine.key.stat().st_mode & 0o777 == 0o600
    assert neighbour(machine).read_bytes() == b"another lease's state"
    assert text(machine).read_bytes() == b"the requester's text"
    assert not [path for path in machine.room("held").scratch.iterdir() if path.name.startswith("0.state.")]


async def test_without_a_sandbox_the_same_acts_come_through(machine: Any) -> None:
    neighbour(machine).write_bytes(b"another lease's state")
    runner = Runner(machine.folder / "free.log")
    try:
        codes = {
            (act, where.__name__): await machine.code(runner, act, where(machine))
            for act, where in [*FILES, *OTHERS]
            if act not in LINKS
        }
    finally:
        await runner.kill()
        for path, content, mode in (
            (machine.key, "the provider's key", 0o600),
            (text(machine), "the requester's text", 0o644),
        ):
            path.write_text(content)
            path.chmod(mode)
    assert set(codes.values()) == {""}, codes


async def test_the_child_is_told_no_secret(machine: Any, held: Runner) -> None:
    path = machine.room("held").scratch / "environment"
    assert await machine.code(held, "tell_environment", path) == ""
    told = json.loads(path.read_text())
    assert not [name for name in told if name.startswith(("ASSAY_", "AWS_"))]
    assert told["HOME"] == told["TMPDIR"] == str(machine.room("held").temporary)


async def test_too_many_open_files_end_the_job_alone(machine: Any, held: Runner) -> None:
    assert await machine.code(held, "open_many", text(machine)) == "sandbox.files"


GREEDY: Final = {
    "hog": "sandbox.memory",
    "hog_shared": "sandbox.memory",
    "fill_one": "sandbox.disk",
    "fill_many": "sandbox.disk",
    "dig": "sandbox.disk",
    "thread_bomb": "sandbox.threads",
    "never_end": "sandbox.time",
    "say_much": "sandbox.garbled",
}


@pytest.mark.parametrize(("act", "code"), GREEDY.items())
async def test_what_uses_too_much_is_ended_and_a_neighbour_works_on(
    machine: Any, whole: None, neighbour_runner: Runner, act: str, code: str
) -> None:
    runner = machine.runner(act)
    try:
        said, states = await asyncio.gather(
            machine.code(runner, act, machine.room(act).scratch, wall_s=0.3 if act == "never_end" else 60),
            honest(neighbour_runner, 100),
        )
        assert (said, len(states)) == (code, 100)
        if act == "dig":
            # As deep as it went, it is cleared away for the next child, and that one does what is asked.
            assert await honest(runner, 2) == states[:2]
    finally:
        await runner.kill()


@pytest.fixture(scope="module")
async def neighbour_runner(machine: Any) -> Any:
    """Another lease's child."""
    runner = machine.runner("neighbour")
    yield runner
    await runner.kill()


async def honest(runner: Runner, segments: int) -> list[str]:
    """The states that honest work comes to."""
    assert runner.policy is not None
    folder = str(runner.policy.scratch)
    names = {"kind": "noop", "params": {"segments": 200}, "inputs": {}, "models": folder, "folder": folder}
    messages = [message async for message in runner.run(Task(**names, first=0, last=segments, wants_result=False))]
    assert isinstance(messages[-1], Finished), messages[-1]
    return [message.state_digest for message in messages if isinstance(message, SegmentDone)]


async def test_a_file_that_is_not_the_leases_is_never_taken_for_its_checkpoint(machine: Any, whole: None) -> None:
    said = SegmentDone(segment=0, path=str(machine.key), state_digest="0" * 64, units=1, compute_ms=1, metrics={})
    runner = machine.runner("liar")
    assert await machine.code(runner, "say", said.model_dump_json()) == "sandbox.garbled"
    assert runner.pid is None


async def test_a_child_dies_with_its_parent_whatever_it_is_about(machine: Any, whole: None) -> None:
    program = (
        "import asyncio, sys\nfrom assay.workloads.runner import Runner\nfrom assay.workloads.sandbox import Policy\n"
        "from assay.workloads.task import Task\n"
        "async def main():\n"
        "    policy = Policy.model_validate_json(sys.argv[1]); folder = str(policy.scratch)\n"
        "    runner = Runner(None, policy); await runner.confined(); print(runner.pid, flush=True)\n"
        "    task = Task(kind='hostile', params={'act': 'never_end'}, inputs={}, models=folder, folder=folder, first=0,"
        " last=1)\n"
        "    async for _ in runner.run(task): pass\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", program, machine.room("orphan").model_dump_json()]
    parent = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    async with asyncio.timeout(120):
        while is_running(child):
            await asyncio.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether a process is there, and no mere entry that nobody has asked about."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_a_gpus_memory_is_a_limit_of_its_own(machine: Any, held: Runner) -> None:
    if not any(Path("/dev").glob("nvidia[0-9]*")):
        pytest.skip("no GPU here")
    assert await machine.code(machine.runner("gpu"), "hog_gpu") == "sandbox.memory"
