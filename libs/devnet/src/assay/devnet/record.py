"""Who runs: a file per process with its pid and start time, by which the next start finds what the last one left.

A pid alone may by now belong to somebody else; together with boot and start time it names one process for ever. The
signal goes through a pidfd that was opened before the start time was compared, so it cannot reach a later process.
"""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from assay.devnet.proc import boot_id, start_ticks

KILL_WITHIN_S = 5.0


@dataclass(frozen=True)
class Record:
    """One process, named so that no other can be taken for it."""

    pid: int
    start_ticks: int
    boot_id: str
    argv: tuple[str, ...] = ()

    @classmethod
    def of(cls, pid: int, argv: tuple[str, ...] = ()) -> "Record | None":
        """The record of a running process; None if it has ended."""
        ticks = start_ticks(pid)
        return None if ticks is None else cls(pid, ticks, boot_id(), argv)

    @classmethod
    def read(cls, file: Path) -> "Record | None":
        """What the file says; None if it is not there or was cut off by a crash."""
        try:
            said = json.loads(file.read_text())
            return cls(int(said["pid"]), int(said["start_ticks"]), str(said["boot_id"]), tuple(said["argv"]))
        except (FileNotFoundError, ValueError, KeyError):
            return None

    def write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(self)))

    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        return self.boot_id == boot_id() and start_ticks(self.pid) == self.start_ticks


async def end(record: Record, first: signal.Signals, within_s: float) -> bool:
    """Whether the process still ran; it is gone now, by that signal or, after the deadline, by SIGKILL."""
    with opened(record) as pidfd:
        if pidfd is None:
            return False
        send(pidfd, first)
        if not await has_ended(pidfd, within_s):
            send(pidfd, signal.SIGKILL)
            await has_ended(pidfd, KILL_WITHIN_S)
        return True


@contextmanager
def opened(record: Record) -> Iterator[int | None]:
    """A handle on the process itself; None if it no longer runs."""
    try:
        pidfd = os.pidfd_open(record.pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield pidfd if record.is_alive() else None
    finally:
        os.close(pidfd)


def send(pidfd: int, number: signal.Signals) -> None:
    """Send a signal to the process behind the handle, or to nobody if it has ended."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, number)


async def has_ended(pidfd: int, within_s: float | None) -> bool:
    """Whether the process ends within the time; a zombie has ended. Sleeps until it does."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    watched = os.dup(pidfd)  # a loop can watch a descriptor once; several may wait for one process
    loop.add_reader(watched, ended.set)
    try:
        async with asyncio.timeout(within_s):
            await ended.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(watched)
        os.close(watched)
    return True
