"""A kind of work that does what no job may, as whoever took a child over would: one act a job, by name.

It is installed into the child as any plug-in is. What it writes to `proof` shows that an act came through.
"""

import ctypes
import fcntl
import json
import mmap
import os
import resource
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Final

from assay.workloads.noop import Noop
from assay.workloads.workload import FrozenParams, SegmentResult

LIBC: Final = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH: Final = 16
MIB: Final = 2**20


class HostileParams(FrozenParams):
    """What is done, and to what."""

    act: str
    target: str = ""
    segments: int = 1


class Hostile(Noop):
    """An act as a workload; its plan, start and digest are those of honest work."""

    kind: ClassVar[str] = "hostile"
    Params: ClassVar[type[FrozenParams]] = HostileParams

    def plan(self, params: Any) -> list[int]:
        return [1]

    def start(self, params: Any, inputs: Any) -> bytes:
        return bytes(32)

    def run(self, params: Any, inputs: Any, state: bytes, index: int, progress: Any) -> SegmentResult:
        ACTS[params.act](params.target)
        return SegmentResult(state, self.digest(state), 1, {})


def raised(result: int) -> None:
    """Raise what a call of C has failed by."""
    if result < 0:
        raise OSError(ctypes.get_errno(), "a system call")


def read(path: str) -> None:
    Path(path).read_bytes()


def read_beside(path: str) -> None:
    Path("/usr/lib", "../..", path.lstrip("/")).read_bytes()


def link(path: str) -> None:
    Path(os.environ["TMPDIR"], "..", "0.state.link").symlink_to(path)


def hard_link(path: str) -> None:
    Path(os.environ["TMPDIR"], "..", "0.state.hard").hardlink_to(path)


def overwrite(path: str) -> None:
    Path(path).write_bytes(b"mine")


def cut(path: str) -> None:
    os.close(os.open(path, os.O_RDONLY | os.O_TRUNC))


def open_up(path: str) -> None:
    Path(path).chmod(0o666)


def date_back(path: str) -> None:
    os.utime(path, (0, 0))


def fork(_: str) -> None:
    if os.fork() == 0:
        os._exit(0)


def fork_bomb(_: str) -> None:
    while True:
        if os.fork() == 0:
            time.sleep(60)


def execute(_: str) -> None:
    subprocess.run(["/bin/true"], check=True)


def replace(_: str) -> None:
    os.execv("/bin/true", ["true"])


def have_signals_sent(_: str) -> None:
    reader, _writer = os.pipe()
    fcntl.fcntl(reader, fcntl.F_SETOWN, os.getppid())


def call_tcp(port: str) -> None:
    socket.create_connection(("127.0.0.1", int(port))).close()


def call_udp(_: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(b"secret", ("127.0.0.1", 9))


def call_raw(_: str) -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()


def call_unix(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as out:
        out.connect(path)


def call_by_pair(path: str) -> None:
    with socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0] as out:
        out.sendto(b"secret", path)


def trace_parent(_: str) -> None:
    raised(LIBC.ptrace(PTRACE_ATTACH, os.getppid(), 0, 0))


def signal_parent(_: str) -> None:
    os.kill(os.getppid(), 0)


def limit_parent(_: str) -> None:
    resource.prlimit(os.getppid(), resource.RLIMIT_CORE, (0, 0))


def read_environment(_: str) -> None:
    Path(f"/proc/{os.getppid()}/environ").read_bytes()


def read_memory(_: str) -> None:
    Path(f"/proc/{os.getppid()}/mem").open("rb").close()


def unshare(_: str) -> None:
    raised(LIBC.unshare(0x10000000))


def mount(_: str) -> None:
    raised(LIBC.mount(b"none", b"/tmp", b"tmpfs", 0, None))


def load_program(_: str) -> None:
    raised(LIBC.syscall(321 if os.uname().machine == "x86_64" else 280, 0, 0, 0))


def use_ring(_: str) -> None:
    raised(LIBC.syscall(425, 1, ctypes.create_string_buffer(256)))


def take_key_ring(_: str) -> None:
    raised(LIBC.syscall(250 if os.uname().machine == "x86_64" else 219, 0, -3, 1))


def outlive_parent(_: str) -> None:
    raised(LIBC.prctl(1, 0, 0, 0, 0))


def tell_environment(path: str) -> None:
    Path(path).write_text(json.dumps(dict(os.environ)))


def hog(_: str) -> None:
    held = []
    while True:
        held.append(bytearray(b"x" * 8 * MIB))


def hog_shared(_: str) -> None:
    held = []
    while True:
        held.append(mmap.mmap(-1, 8 * MIB))
        held[-1].write(b"x" * 8 * MIB)


def fill_one(folder: str) -> None:
    with Path(folder, "big").open("wb") as out:
        while True:
            out.write(b"x" * MIB)


def fill_many(folder: str) -> None:
    for number in range(10**9):
        Path(folder, f"{number}.bin").write_bytes(b"x" * MIB)


def dig(_: str) -> None:
    os.chdir(os.environ["TMPDIR"])
    while True:
        Path("d").mkdir()
        os.chdir("d")


def open_many(path: str) -> None:
    held = []
    while True:
        held.append(os.open(path, os.O_RDONLY))


def thread_bomb(_: str) -> None:
    threading.stack_size(64 * 1024)
    while True:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()


def never_end(_: str) -> None:
    while True:
        pass


def say(line: str) -> None:
    for number in range(3, 16):
        try:
            os.write(number, line.encode() + b"\n")
        except OSError:
            continue
    time.sleep(600)


def say_much(_: str) -> None:
    say("x" * 2 * MIB)


def hog_gpu(_: str) -> None:
    import torch

    held = []
    while True:
        held.append(torch.empty(256 * MIB, dtype=torch.uint8, device="cuda"))


ACTS: Final[dict[str, Callable[[str], None]]] = {
    name: act for name, act in globals().items() if callable(act) and getattr(act, "__module__", "") == __name__
}
