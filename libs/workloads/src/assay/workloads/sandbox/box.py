"""A child that executes programs of a job does so in a box: namespaces of its own and a file system in memory, bounded.

It goes on as the first process of its process namespace, so whatever is started there is seen by nobody else and ends
with it. The box holds two roots, into one of which a program is shut by chroot(2): `host`, which shows what this
machine executes, read-only; and `image`, empty, for a job's own files. Nothing of it is on a disk, so nothing is left.
After the kernel's own documents: user_namespaces(7), pid_namespaces(7), mount_namespaces(7), mount_setattr(2).
"""

import ctypes
import errno
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Final

from assay.workloads.egress.rules import LISTENING
from assay.workloads.sandbox import kernel, landlock, seccomp
from assay.workloads.sandbox.errors import SandboxUnavailable
from assay.workloads.sandbox.kernel import PR_SET_PDEATHSIG, RECURSIVE, call, leave_mounts, mount, prctl
from assay.workloads.sandbox.policy import DEVICES, HOST, TRUSTED, Policy

FIXED, NOSUID, NODEV, REMOUNT, BIND = 1, 2, 4, 32, 4096
SET_FLAGS, IS_UP = 0x8914, 1
MOUNT_SETATTR: Final = 442
AT_CWD, AT_RECURSIVE, READ_ONLY = -100, 0x8000, 1
ENTERED: Final[list[Policy]] = []
"""The policy of the box that this process is in."""
FILES_MIN, FILES_MAX, FILE_BYTES = 1024, 200_000, 1024
"""Files and folders that a box holds: more the larger it is."""


def enter(policy: Policy, out: int | None = None) -> None:
    """Go on in a box; the process that called stays behind and ends with it. Raises SandboxUnavailable.

    Where programs reach hosts, the socket by which they do is handed to who has the other end of the socket `out`.
    """
    try:
        leave_mounts()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        inner = os.fork()
        if inner:
            stand_by(inner)
        build(policy)
        if out is not None:
            hand_out(out)
        ENTERED.append(policy)
    except OSError as error:
        raise SandboxUnavailable(f"This machine has no box to execute programs in: {error}.") from error


def entered() -> Policy | None:
    """Return the policy of the box that this process is in; none outside of any."""
    return ENTERED[-1] if ENTERED else None


def can_be() -> bool:
    """Whether this machine lets a process of this user have namespaces and mounts of its own; tried by a fresh one.

    A fork would not do: libraries start threads in it, and whoever has threads leaves no namespace. The fresh one loads
    a single file: every worker asks this at its start.
    """
    if landlock.version() < landlock.NEEDED or not seccomp.is_known():
        return False
    tried = subprocess.run([sys.executable, "-I", "-S", kernel.__file__], capture_output=True, check=False)
    return tried.returncode == 0


def hand_out(out: int) -> None:
    """Listen on the loopback of this box, hand that socket out of it and forget it. Raises OSError."""
    with socket.socket(fileno=out) as pair, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        fcntl.ioctl(listener, SET_FLAGS, struct.pack("16sh22x", b"lo", IS_UP))
        listener.bind(("127.0.0.1", LISTENING))
        listener.listen()
        socket.send_fds(pair, [b"1"], [listener.fileno()])


def stand_by(inner: int) -> None:
    """End as the process in the box ends."""
    _, status = os.waitpid(inner, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def build(policy: Policy) -> None:
    """Mount the box. Raises OSError."""
    box = policy.box
    box.mkdir(exist_ok=True)
    # gVisor's kernel counts no files; there the Pod's memory bounds them.
    files = "" if policy.in_pod else f",nr_inodes={files_of(policy)}"
    mount("tmpfs", box, "tmpfs", NOSUID | NODEV, f"size={policy.box_bytes}{files},mode=700")
    for root in (policy.host_root, policy.image_root):
        for folder in ("dev", "tmp", "job"):
            (root / folder).mkdir(parents=True)
        for device in DEVICES:
            show(Path(device), root)
    for path in (*map(Path, (*HOST, *(TRUSTED if policy.egress else ()))), Path(sys.base_prefix)):
        if not (policy.host_root / path.relative_to("/")).exists():
            show(path, policy.host_root, is_fixed=True)


def files_of(policy: Policy) -> int:
    """Return how many files and folders a box holds."""
    return min(FILES_MAX, FILES_MIN + policy.box_bytes // FILE_BYTES)


def show(path: Path, root: Path, is_fixed: bool = False) -> None:
    """Make a path of the machine seen beneath a root, if there is one: a link as it is, read-only if it is fixed."""
    target = root / path.relative_to("/")
    if not path.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        target.symlink_to(path.readlink())
        return
    target.mkdir() if path.is_dir() else target.touch()
    mount(path, target, "", BIND | RECURSIVE)
    if is_fixed:
        fix(target)


def fix(target: Path) -> None:
    """Let nothing be written any more to what is mounted there, nor beneath. Raises OSError.

    gVisor's kernel knows no call for all beneath: there, what is mounted deeper keeps what it had.
    """
    attributes = (ctypes.c_uint64 * 4)(READ_ONLY | NOSUID)
    where = ctypes.c_char_p(bytes(target))
    try:
        call(MOUNT_SETATTR, AT_CWD, where, ctypes.c_uint(AT_RECURSIVE), attributes, ctypes.c_size_t(32))
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        mount("", target, "", REMOUNT | BIND | FIXED | NOSUID)


def fix_root(root: Path, written: tuple[str, ...]) -> None:
    """Let nothing be written in a root but to these folders, where no landlock says so. Raises OSError."""
    for folder in (*(root / each.lstrip("/") for each in written), root):
        mount(folder, folder, "", BIND | RECURSIVE)
    mount("", root, "", REMOUNT | BIND | FIXED | NOSUID)
