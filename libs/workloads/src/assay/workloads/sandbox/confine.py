"""A child confines itself, once and for good, before it reads a task: layer upon layer, each named if it holds.

The interpreter and Assay's own code are loaded by then, and nothing of any job. It must have one thread still, for most
of this holds the thread that asks for it and those that it starts.
"""

import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from assay.workloads.sandbox import landlock, seccomp
from assay.workloads.sandbox.errors import SandboxUnavailable
from assay.workloads.sandbox.kernel import (
    CAP_SYS_CHROOT,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWUSER,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    drop_capabilities,
    leave_namespaces,
    machine,
    prctl,
    thread_count,
)
from assay.workloads.sandbox.policy import Confined, Level, Policy

SLACK_BYTES: Final = 512 * 2**20
"""What stacks and half-used arenas take beyond the memory that is in use; the parent's watch counts that alone."""

Layer = Callable[[Policy], list[str]]


def strongest() -> Level:
    """Return the level that this kernel can hold, as far as can be asked without trying."""
    can_hold = landlock.version() >= landlock.NEEDED and seccomp.is_known()
    return "full" if can_hold else "limits"


def confine(policy: Policy) -> Confined:
    """Return the layers that hold this process from now on. Raises SandboxUnavailable if they are not enough."""
    started = time.perf_counter()
    if not machine():
        raise SandboxUnavailable("This is no Linux of 64 bits.")
    if thread_count(Path("/proc/self/status").read_text()) > 1:
        raise SandboxUnavailable("The child has threads already, which nothing would hold.")
    layers: list[str] = []
    lacking: list[str] = []
    for name, layer in LAYERS.items():
        try:
            layers += layer(policy)
        except OSError as error:
            lacking.append(f"{name} ({error.strerror})")
    took_ms = round((time.perf_counter() - started) * 1000, 2)
    held = Confined(
        level=policy.level, boxed=policy.box_bytes > 0, layers=tuple(layers), lacking=tuple(lacking), took_ms=took_ms
    )
    if not held.is_enough:
        raise SandboxUnavailable(f"This machine lacks {', '.join(lacking)}.")
    return held


def hold_privileges(policy: Policy) -> list[str]:
    """Nothing that is executed gets more rights than this process has."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    return ["no_new_privs"]


def hold_use(policy: Policy) -> list[str]:
    """Memory, size of a file, open files; no core is dumped. A GPU's driver maps more than it uses."""
    sizes = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: policy.disk_bytes,
        resource.RLIMIT_NOFILE: policy.open_files,
    }
    if not policy.gpu:
        sizes[resource.RLIMIT_DATA] = policy.memory_bytes + SLACK_BYTES
    for kind, size in sizes.items():
        _, most = resource.getrlimit(kind)
        least = size if most == resource.RLIM_INFINITY else min(size, most)
        resource.setrlimit(kind, (least, least))
    return ["limits"]


def hold_namespaces(policy: Policy) -> list[str]:
    """A network without interfaces, and nobody else's shared memory. The user stays itself, and counts its own threads.

    Who is in a box has left more than these already.

    Root's threads are never counted by the kernel; the parent's watch counts everybody's.
    """
    if not policy.box_bytes:
        leave_namespaces(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC)
    _, most = resource.getrlimit(resource.RLIMIT_NPROC)
    threads = policy.threads if most == resource.RLIM_INFINITY else min(policy.threads, most)
    resource.setrlimit(resource.RLIMIT_NPROC, (threads, threads))
    return ["namespaces"]


def hold_files(policy: Policy) -> list[str]:
    """The files that are opened; ports and signals where the kernel's landlock knows them."""
    known = landlock.version()
    if known < landlock.NEEDED:
        raise OSError(0, f"version {known}, of which {landlock.NEEDED} is needed")
    return landlock.restrict(policy, known)


def hold_capabilities(policy: Policy) -> list[str]:
    """What root may beyond other users."""
    drop_capabilities(frozenset({CAP_SYS_CHROOT}) if policy.box_bytes else frozenset())
    return ["capabilities"]


def hold_death(policy: Policy) -> list[str]:
    """It dies with its parent. A change of rights forgets this, so it comes after them."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    return []


def hold_calls(policy: Policy) -> list[str]:
    """The system calls."""
    if not seccomp.is_known():
        raise OSError(0, "no list for this architecture")
    boxed = seccomp.BOXED_REACHING if policy.egress else seccomp.BOXED
    seccomp.restrict(boxed if policy.box_bytes else seccomp.ALONE)
    return ["seccomp"]


LAYERS: Final[dict[str, Layer]] = {
    "no_new_privs": hold_privileges,
    "limits": hold_use,
    "namespaces": hold_namespaces,
    "landlock": hold_files,
    "capabilities": hold_capabilities,
    "parent": hold_death,
    "seccomp": hold_calls,
}
"""In their order: each may need what a later one takes away."""
