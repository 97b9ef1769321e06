"""The system calls that a child may not make: a filter in the kernel, of the shape that seccomp_filter.rst describes.

It is a list of what is refused and no list of what is allowed: what torch, its libraries and a GPU's driver need
differs from release to release, and landlock holds the files whatever is missing here. What landlock does not see is
why most names stand: modes, owners and times of files, signals by number, sockets that are not of TCP. A call that is
newer than this list does not exist.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from assay.workloads.sandbox.kernel import LIBC, PR_SET_PDEATHSIG, checked, machine
from assay.workloads.sandbox.syscalls import DENIED, NEWEST, OF_PROGRAMS, TABLE, numbers

ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
PR_SET_SECCOMP, MODE_FILTER = 22, 2
X32: Final = 0x40000000
CLONE_THREAD: Final = 0x10000
CLONE_NAMESPACES: Final = 0x7E020000
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
FIOSETOWN, SIOCSPGRP = 0x8901, 0x8902
F_SETOWN, F_SETSIG, F_SETOWN_EX = 8, 10, 15
ALLOW: Final = 0x7FFF0000
KILL: Final = 0x80000000
LOAD, EQUAL, GREATER, ANY_BIT, RETURN, AND = 0x20, 0x15, 0x25, 0x45, 0x06, 0x54
AF_UNIX, AF_INET, SOCK_TYPE, SOCK_STREAM, IPPROTO_TCP = 1, 2, 0xF, 1, 6
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16

Instruction = tuple[int, int, int, int]


class Kind(NamedTuple):
    """A list: whether processes are held each for itself, or by a box around them; and what is allowed besides.

    `reaches` allows plain TCP to be connected, by which a box without a way out has nobody but its proxy.
    """

    is_alone: bool
    allowed: frozenset[str] = frozenset()
    reaches: bool = False


ALONE: Final = Kind(is_alone=True)
PROGRAM: Final = Kind(False, frozenset(OF_PROGRAMS.split()))
"""What a program may call that is shut into a root: processes, and modes and times of files, are its box's own."""
BOXED: Final = Kind(False, PROGRAM.allowed | {"chroot"})
"""What the child may call that starts it."""
OF_REACHING: Final = frozenset({"socket", "socketpair", "connect", "sendto"})
REACHING: Final = Kind(False, PROGRAM.allowed | OF_REACHING, reaches=True)
"""What a program may call that reaches hosts."""
BOXED_REACHING: Final = Kind(False, BOXED.allowed | OF_REACHING, reaches=True)


def restrict(kind: Kind = ALONE) -> None:
    """Refuse the calls of this list from now on, in this thread and in all that it starts. Raises OSError."""
    name = machine()
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program(name, os.getpid(), kind))
    held = ctypes.create_string_buffer(code, len(code))
    prog = struct.pack("@HP", len(code) // 8, ctypes.addressof(held))
    checked(LIBC.prctl(PR_SET_SECCOMP, ctypes.c_ulong(MODE_FILTER), ctypes.c_char_p(prog), 0, 0))


def program(name: str, pid: int, kind: Kind = ALONE) -> list[Instruction]:
    """Return the filter for an architecture, in which a process that is alone may signal and limit only itself."""
    known = numbers(name)
    denied = [call for call in DENIED.split() if call in known and call not in kind.allowed]
    found: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, ARCHITECTURES[name]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        *when(GREATER, NEWEST, errno.ENOSYS),
        *(step for call in denied for step in when(EQUAL, known[call], errno.EPERM)),
        # Those who call these look for another way where they do not exist, and give up where they are refused.
        *when(EQUAL, known["clone3"], errno.ENOSYS),
        *when(EQUAL, known["memfd_create"], errno.ENOSYS),
        *(step for rule in (by_argument(known, pid) if kind.is_alone else in_box(known)) for step in rule),
        *(step for rule in of_terminals(known) for step in rule),
        *(step for rule in (of_sockets(known) if kind.reaches else ()) for step in rule),
        (RETURN, 0, 0, ALLOW),
    ]
    return found


def by_argument(known: dict[str, int], pid: int) -> Iterator[list[Instruction]]:
    """Yield the rules about calls that are refused for what they are asked."""
    yield asked(known["clone"], 0, [(ANY_BIT, CLONE_THREAD)], refused=False)
    for call in ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"):
        yield asked(known[call], 0, [(EQUAL, pid)], refused=False)
    for call in ("prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr"):
        yield asked(known[call], 0, [(EQUAL, 0), (EQUAL, pid)], refused=False)


def in_box(known: dict[str, int]) -> Iterator[list[Instruction]]:
    """Yield the rule about a process that is started in a box: it leaves no namespace."""
    yield asked(known["clone"], 0, [(ANY_BIT, CLONE_NAMESPACES)], refused=True)


def of_terminals(known: dict[str, int]) -> Iterator[list[Instruction]]:
    """Yield the rules that hold everywhere: who outlives its parent, types into a terminal, or has files send signals.

    Landlock holds such signals from Linux 6.12 on.
    """
    yield asked(known["prctl"], 0, [(EQUAL, PR_SET_PDEATHSIG)], refused=True)
    terminals = [(EQUAL, each) for each in (TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP)]
    yield asked(known["ioctl"], 1, terminals, refused=True)
    yield asked(known["fcntl"], 1, [(EQUAL, each) for each in (F_SETOWN, F_SETSIG, F_SETOWN_EX)], refused=True)


def of_sockets(known: dict[str, int]) -> Iterator[list[Instruction]]:
    """Yield the rules about sockets: TCP over IPv4, and pairs that talk to each other alone."""
    for call, family in (("socket", AF_INET), ("socketpair", AF_UNIX)):
        body = [
            *((LOAD, 0, 0, ARGUMENTS), (EQUAL, 0, 6, family)),
            *((LOAD, 0, 0, ARGUMENTS + 8), (AND, 0, 0, SOCK_TYPE), (EQUAL, 0, 3, SOCK_STREAM)),
            *((LOAD, 0, 0, ARGUMENTS + 16), (EQUAL, 2, 0, 0), (EQUAL, 1, 0, IPPROTO_TCP if family == AF_INET else 0)),
            *((RETURN, 0, 0, 0x00050000 | errno.EPERM), (RETURN, 0, 0, ALLOW)),
        ]
        yield [(EQUAL, 0, len(body), known[call]), *body]


def when(test: int, value: int, number: int) -> list[Instruction]:
    """Return the refusal of the calls whose number passes a test."""
    return [(test, 0, 1, value), (RETURN, 0, 0, 0x00050000 | number)]


def asked(call: int, argument: int, tests: list[tuple[int, int]], *, refused: bool) -> list[Instruction]:
    """Return the rule that refuses a call, or allows it alone, where the argument passes one of the tests."""
    fail, go = (RETURN, 0, 0, 0x00050000 | errno.EPERM), (RETURN, 0, 0, ALLOW)
    passed, failed = (fail, go) if refused else (go, fail)
    count = len(tests)
    body = [(LOAD, 0, 0, ARGUMENTS + 8 * argument)]
    body += [(test, count - index, 0, value) for index, (test, value) in enumerate(tests)]
    body += [failed, passed]
    return [(EQUAL, 0, len(body), call), *body]


def is_known() -> bool:
    """Whether there is a list for this architecture."""
    return machine() in ARCHITECTURES and machine() in TABLE
