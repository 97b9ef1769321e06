"""The few calls of Linux that Python has no words for, by ctypes. As a program it tries whether a box can be.

After the kernel's own documents: Documentation/userspace-api/{landlock,seccomp_filter,no_new_privs}.rst, prctl(2),
capabilities(7), user_namespaces(7).
"""

import ctypes
import os
import platform
import sys
from pathlib import Path
from typing import Final

PR_SET_PDEATHSIG: Final = 1
PR_CAPBSET_DROP: Final = 24
PR_SET_NO_NEW_PRIVS: Final = 38
CAPABILITY_LAST: Final = 63
CAPABILITY_VERSION: Final = 0x20080522
CAPSET: Final = {"x86_64": 126, "aarch64": 91}
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWNET: Final = 0x40000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWPID: Final = 0x20000000
CAP_SYS_CHROOT: Final = 18
RECURSIVE, PRIVATE = 16384, 1 << 18

LIBC: Final = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long


def machine() -> str:
    """Return the architecture's name; empty on another system than Linux, or in 32 bits."""
    return platform.machine() if sys.platform == "linux" and sys.maxsize > 2**32 else ""


def checked(result: int) -> int:
    """Return what a call came to. Raises OSError."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def call(number: int, *arguments: object) -> int:
    """Return what a system call came to. Raises OSError."""
    return checked(LIBC.syscall(ctypes.c_long(number), *arguments))


def prctl(option: int, *values: int) -> int:
    """Return what prctl(2) came to. Raises OSError."""
    padded = (*values, 0, 0, 0, 0)[:4]
    return checked(LIBC.prctl(option, *(ctypes.c_ulong(value) for value in padded)))


def unshare(flags: int) -> None:
    """Leave namespaces. Raises OSError."""
    checked(LIBC.unshare(flags))


def leave_namespaces(flags: int) -> None:
    """Leave namespaces, one of users among them, in which the user stays itself. Raises OSError."""
    user, group = os.getuid(), os.getgid()
    unshare(flags)
    for file, text in {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"}.items():
        path = Path("/proc/self", file)
        # gVisor's kernel has no groups to deny.
        if path.exists():
            path.write_text(text)


def mount(source: str | Path, target: str | Path, kind: str, flags: int, options: str = "") -> None:
    """Mount something. Raises OSError."""
    words = [os.fsencode(word) or None for word in (source, target, kind)]
    try:
        checked(LIBC.mount(*words, ctypes.c_ulong(flags), options.encode() or None))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from None


def leave_mounts() -> None:
    """Leave all that is named of this machine: mounts, processes, networks, hosts, users. Raises OSError."""
    leave_namespaces(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID)
    mount("", "/", "", RECURSIVE | PRIVATE)


def drop_capabilities(kept: frozenset[int] = frozenset()) -> None:
    """Give up every capability but those that are kept, for good. Raises OSError."""
    for capability in set(range(CAPABILITY_LAST + 1)) - kept:
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            # Beyond the kernel's last one, or none are held: what counts is that the sets below are empty.
            break
    set_capabilities(kept)


def set_capabilities(kept: frozenset[int] = frozenset()) -> None:
    """Hold no capability but these from now on. Raises OSError."""
    header, low = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0), sum(1 << capability for capability in kept)
    call(CAPSET[machine()], ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)(low, low)))


def thread_count(status: str) -> int:
    """Return how many threads /proc/*/status speaks of."""
    return int(field_of(status, "Threads"))


def field_of(status: str, name: str) -> str:
    """Return the first word of a field of /proc/*/status; "0" where there is none."""
    line = next((line for line in status.splitlines() if line.startswith(f"{name}:")), "")
    return (line.partition(":")[2].split() or ["0"])[0]


if __name__ == "__main__":
    leave_mounts()
