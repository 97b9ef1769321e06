"""One operating-system process that is started, watched, and dies with us.

A child asks the kernel for a signal on its parent's death (PR_SET_PDEATHSIG), so that even a SIGKILL of the parent
leaves no orphan. The kernel means the parent's *thread*: start a process from a thread that lives as long as it should,
never from a worker thread. The request is lost when the child changes its user, hence it is made after that.
"""

import asyncio
import ctypes
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from assay.devnet.errors import NotReady
from assay.devnet.record import KILL_WITHIN_S, Record, end, has_ended, send

PR_SET_PDEATHSIG = 1
POLL_S_MIN, POLL_S_MAX = 0.005, 0.1
LOG_TAIL_BYTES = 3000
# What the shell that started us set for us is not meant for the children: theirs is given to them.
OWN_PREFIX = "ASSAY_"
LIBC = ctypes.CDLL(None, use_errno=True)

Ready = Callable[[int], Awaitable[bool]]


@dataclass
class Process:
    """A command with its surroundings; `ready` says of a pid whether the service behind it can be used.

    `env` is added to ours. `orphan_signal` is what the kernel sends it when we die: SIGKILL is sure, a gentler one is
    for programs known to obey. `record` is where the pid is written down for the next start.
    """

    name: str
    argv: Sequence[str | Path]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    log_file: Path | None = None
    ready: Ready | None = None
    record: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    start_within_s: float = 180.0
    stop_within_s: float = 60.0
    user: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        self.child: subprocess.Popen[bytes] | None = None
        self.pidfd = -1
        self.exit_code: int | None = None

    @property
    def pid(self) -> int | None:
        """The pid while it runs."""
        return self.child.pid if self.child else None

    async def start(self) -> None:
        """Start it and return once it is ready; one that a former start left behind is ended first. Raises NotReady."""
        if self.child:
            raise NotReady(f"{self.name} already runs as {self.child.pid}.")
        await self.end_former()
        self.spawn()
        try:
            await self.until_ready()
        except BaseException:
            await self.stop()
            raise

    async def end_former(self) -> bool:
        """Whether a process that an earlier start recorded still ran and was ended."""
        former = Record.read(self.record) if self.record else None
        return former is not None and await end(former, self.stop_signal, self.stop_within_s)

    def spawn(self) -> None:
        """Start the child in a session of its own, so that Ctrl-C reaches us alone and we stop all in order."""
        with open_log(self.log_file) as log:
            try:
                self.child = self.popen(log)
            except OSError as error:
                raise NotReady(f"{self.name} could not be started: {error}.") from error
        self.exit_code, self.pidfd = None, os.pidfd_open(self.child.pid)
        running = Record.of(self.child.pid, tuple(map(str, self.argv)))
        if running and self.record:
            running.write(self.record)

    def popen(self, log: BinaryIO) -> "subprocess.Popen[bytes]":
        uid, gid = self.user or (None, None)
        return subprocess.Popen(
            [str(part) for part in self.argv],
            env={k: v for k, v in os.environ.items() if not k.startswith(OWN_PREFIX)} | dict(self.env),
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=die_with(os.getpid(), self.orphan_signal),
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
        )

    async def until_ready(self) -> None:
        """Return when `ready` says so. Raises NotReady if the process ends first or the time is over."""
        loop = asyncio.get_running_loop()
        deadline, pause_s = loop.time() + self.start_within_s, POLL_S_MIN
        while self.ready and self.child and not await self.ready(self.child.pid):
            if await has_ended(self.pidfd, pause_s):
                raise NotReady(f"{self.name} ended:\n{self.log_tail()}\n")
            if loop.time() > deadline:
                raise NotReady(f"{self.name} was not ready after {self.start_within_s:g} s:\n{self.log_tail()}\n")
            pause_s = min(pause_s * 1.5, POLL_S_MAX)

    async def wait(self) -> int:
        """Its exit code once it has ended by itself or was killed; negative for a signal."""
        if self.child is not None:
            await has_ended(self.pidfd, None)
        return self.bury()

    async def stop(self) -> int | None:
        """Its exit code after the stop signal, or SIGKILL once the deadline has passed; None if it did not run."""
        if self.child is None:
            return self.exit_code
        self.kill(self.stop_signal)
        if not await has_ended(self.pidfd, self.stop_within_s):
            self.kill(signal.SIGKILL)
            await has_ended(self.pidfd, KILL_WITHIN_S)
        return self.bury()

    def kill(self, number: signal.Signals) -> None:
        """Send it a signal and return at once."""
        if self.child:
            send(self.pidfd, number)

    def bury(self) -> int:
        """The exit code of the ended process, after whatever it left in its session has been killed too."""
        if self.child is not None:
            if self.record and (written := Record.read(self.record)) and written.pid == self.child.pid:
                self.record.unlink()
            # Before the child is waited for, so that its pid, the name of the group, cannot be somebody else's.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.child.pid, signal.SIGKILL)
            self.exit_code, self.child = self.child.wait(), None
            os.close(self.pidfd)
        assert self.exit_code is not None
        return self.exit_code

    def log_tail(self) -> str:
        """The end of its log."""
        if self.log_file is None or not self.log_file.exists():
            return ""
        return self.log_file.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")


def open_log(file: Path | None) -> BinaryIO:
    """The file to append to, or nowhere."""
    if file is None:
        return Path(os.devnull).open("ab")
    file.parent.mkdir(parents=True, exist_ok=True)
    return file.open("ab")


def die_with(parent: int, number: signal.Signals) -> Callable[[], None]:
    """What a child does before it becomes the program: ask for the signal, and look whether it comes too late."""

    def ask() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:
            os._exit(1)

    return ask
