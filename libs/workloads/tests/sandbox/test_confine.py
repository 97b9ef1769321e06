"""A child says what holds it before it reads a task; honest work is the same; where nothing holds, it is refused."""

import errno
import struct
from pathlib import Path
from typing import Any, Final

import pytest

from assay.workloads.environment import child_environment
from assay.workloads.runner import Runner, is_within
from assay.workloads.sandbox import Policy, SandboxUnavailable, seccomp
from assay.workloads.sandbox.kernel import field_of
from assay.workloads.sandbox.syscalls import DENIED, NEWEST, TABLE, numbers
from assay.workloads.task import Failed, SegmentDone, Task

PID: Final = 4_321
OLD_KERNEL: Final = """
import ctypes, os, struct
unshare = 272 if os.uname().machine == "x86_64" else 97
libc = ctypes.CDLL(None, use_errno=True)
code = b"".join(struct.pack("=HBBI", *each) for each in [
    (0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x00050000 | 38),
    (0x15, 0, 1, unshare), (0x06, 0, 0, 0x00050000 | 1), (0x06, 0, 0, 0x7FFF0000)])
held = ctypes.create_string_buffer(code, len(code))
prog = struct.pack("@HP", 6, ctypes.addressof(held))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.c_char_p(prog), 0, 0) == 0
"""
"""A kernel without landlock, in a container that leaves no namespace, made of one that has both."""


async def test_the_kernel_says_of_a_child_what_it_says_of_itself(machine: Any, held: Runner) -> None:
    said = await held.confined()
    assert said is not None and said.is_enough
    status = Path(f"/proc/{held.pid}/status").read_text()
    shown = {name: field_of(status, name) for name in ("NoNewPrivs", "Seccomp", "CapEff", "CapPrm")}
    assert shown == {"NoNewPrivs": "1", "Seccomp": "2", "CapEff": "0" * 16, "CapPrm": "0" * 16}


async def test_a_kernel_that_cannot_hold_it_is_refused_unless_less_is_accepted_by_name(
    machine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(OLD_KERNEL)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    refused, accepted = machine.runner("full"), machine.runner("limits", level="limits")
    task = Task(kind="noop", params={"segments": 1}, inputs={}, models="", folder="", first=0, last=1)
    try:
        with pytest.raises(SandboxUnavailable, match=r"landlock \(version 0.*SANDBOX=limits") as error:
            await refused.confined()
        (said,) = [message async for message in refused.run(task)]
        held = await accepted.confined()
    finally:
        await refused.kill()
        await accepted.kill()
    assert (error.value.code, error.value.exit_code) == ("sandbox.unavailable", 2)
    assert isinstance(said, Failed) and (said.code, said.fault) == ("sandbox.unavailable", True)
    assert held is not None and "landlock" not in held.layers and "seccomp" in held.layers
    assert {"landlock", "namespaces"} == {name.partition(" ")[0] for name in held.lacking}


async def test_training_comes_to_the_same_bits_inside_and_outside(
    machine: Any, whole: None, bench: Any, start: bytes, chain: list[Any]
) -> None:
    room = machine.room("honest", memory_bytes=2**31, models=bench.store.root)
    (room.inputs / bench.data).write_bytes(bench.text)
    (room.inputs / "start").write_bytes(start)
    places = {"models": str(room.models), "folder": str(room.scratch), "state": str(room.inputs / "start")}
    # Two threads come to the bits of one here; what they show is that torch's own threads live in the sandbox.
    task = Task(
        kind="finetune",
        params=bench.raw(),
        inputs={bench.data: str(room.inputs / bench.data)},
        first=0,
        last=3,
        **places,
    )
    runner = Runner(machine.folder / "honest.log", room)
    try:
        said = [message async for message in runner.run(task)]
        many = task.model_copy(update={"params": bench.raw(threads=2), "last": 1, "wants_result": False})
        threaded = [message async for message in runner.run(many)]
    finally:
        await runner.kill()
    states = [message.state_digest for message in said if isinstance(message, SegmentDone)]
    assert states == [segment.state_digest for segment in chain], said[-1]
    assert any(isinstance(message, SegmentDone) for message in threaded), threaded[-1]


def decided(program: list[seccomp.Instruction], call: int, architecture: int, *arguments: int) -> int:
    """What a filter decides about a call, worked out as the kernel does."""
    words = [call, architecture, 0, 0, *(half for value in arguments for half in (value & 0xFFFFFFFF, value >> 32))]
    data = struct.pack(f"={len(words)}I", *words).ljust(64, b"\0")
    at, value = 0, 0
    tests = {
        seccomp.EQUAL: lambda k: value == k,
        seccomp.GREATER: lambda k: value > k,
        seccomp.ANY_BIT: lambda k: bool(value & k),
    }
    while True:
        code, yes, no, k = program[at]
        at += 1
        if code == seccomp.RETURN:
            return k
        if code == seccomp.LOAD:
            (value,) = struct.unpack_from("=I", data, k)
        else:
            at += yes if tests[code](k) else no


REFUSED: Final = 0x00050000 | errno.EPERM
ABSENT: Final = 0x00050000 | errno.ENOSYS


@pytest.mark.parametrize("name", TABLE)
def test_the_filter_decides_every_call_as_its_list_says(name: str) -> None:
    program, known = seccomp.program(name, PID), numbers(name)
    own = seccomp.ARCHITECTURES[name]
    denied = {known[call] for call in DENIED.split() if call in known}
    absent = {known["clone3"], known["memfd_create"]}
    ruled = set(known.values()) - denied - absent
    for call in set(range(NEWEST + 1)) - ruled:
        expected = REFUSED if call in denied else ABSENT if call in absent else seccomp.ALLOW
        assert decided(program, call, own) == expected, call
    for call in (NEWEST + 1, 1_000, seccomp.X32 | known["kill"]):
        assert decided(program, call, own) == ABSENT
    assert decided(program, known["kill"], 0x40000003) == seccomp.KILL
    asked = {
        ("clone", seccomp.CLONE_THREAD | 0x100): True,
        ("clone", 17): False,
        ("kill", PID): True,
        ("kill", 1): False,
        ("kill", 2**64 - 1): False,
        ("prlimit64", 0): True,
        ("prlimit64", 1): False,
        ("prctl", 15): True,
        ("prctl", 1): False,
    }
    for (call, argument), is_allowed in asked.items():
        assert decided(program, known[call], own, argument) == (seccomp.ALLOW if is_allowed else REFUSED), call
    assert decided(program, known["ioctl"], own, 0, seccomp.TIOCSTI) == REFUSED


def test_the_numbers_are_those_of_this_machines_headers() -> None:
    headers = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not headers.is_file():
        pytest.skip("no headers of the kernel here")
    words = [line.split() for line in headers.read_text().splitlines() if line.startswith("#define __NR_")]
    found = {name.removeprefix("__NR_"): int(number) for _, name, number in words}
    assert {name: found.get(name) for name in numbers("x86_64")} == numbers("x86_64")


def test_a_child_reads_no_folder_that_holds_its_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    policy = Policy(scratch=tmp_path / "data" / "out", models=tmp_path / "models")
    assert tmp_path not in set(policy.readable()) and policy.models in set(policy.readable())


def test_a_link_out_of_the_scratch_is_not_within_it(tmp_path: Path) -> None:
    scratch, secret = tmp_path / "scratch", tmp_path / "key"
    scratch.mkdir()
    secret.write_text("key")
    (scratch / "link").symlink_to(secret)
    (scratch / "file").touch()
    told = {name: is_within(scratch / name, scratch) for name in ("link", "file", "../key", ".", "none")}
    assert told == {"link": False, "file": True, "../key": False, ".": False, "none": False}


def test_of_the_environment_a_child_is_told_what_steers_kernels() -> None:
    told = child_environment(
        {"PATH": "/bin", "OMP_NUM_THREADS": "2", "ASSAY_X": "1", "TOKEN": "1", "MKL_CBWR": "COMPATIBLE"}
    )
    assert {"PATH", "OMP_NUM_THREADS", "MKL_CBWR"} <= set(told) and not {"ASSAY_X", "TOKEN"} & set(told)
