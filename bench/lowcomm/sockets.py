"""What a process has sent over TCP, as its kernel counts it: for each socket, `tcpi_bytes_sent` of TCP_INFO."""

import ctypes
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

BYTES_SENT_AT: Final = 200
INFO_BYTES: Final = 256
PIDFD_GETFD: Final = 438
"""The system call that hands over a copy of another process's descriptor; Python has no name for it."""


def sent_bytes(pid: int | None = None) -> dict[int, int]:
    """The bytes sent by each TCP socket that is open in a process, this one or one of ours, by its inode."""
    found: dict[int, int] = {}
    of = pid or os.getpid()
    handle = os.pidfd_open(of)
    for place in Path(f"/proc/{of}/fd").iterdir():
        with suppress(OSError):
            about = place.stat()
            if stat.S_ISSOCK(about.st_mode):
                found[about.st_ino] = sent_by(copy_of(handle, int(place.name)))
    os.close(handle)
    return found


def copy_of(handle: int, descriptor: int) -> int:
    """A descriptor here for one that is open in the process of this handle. Raises OSError."""
    copied = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, handle, descriptor, 0)
    if copied < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return int(copied)


def sent_by(descriptor: int) -> int:
    """The bytes sent by one socket, which is closed here. Raises OSError if it is not one of TCP."""
    with socket.socket(fileno=descriptor) as held:
        if held.family not in (socket.AF_INET, socket.AF_INET6) or held.type != socket.SOCK_STREAM:
            return 0
        info = held.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_BYTES)
    return int.from_bytes(info[BYTES_SENT_AT : BYTES_SENT_AT + 8], "little")
