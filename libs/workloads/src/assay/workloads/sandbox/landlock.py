"""The files that a child may open, and that it reaches no port and signals nobody: the kernel's landlock.

What is not granted is refused: nothing is executed, and in the scratch only plain files are made (and folders in its
`tmp`, as libraries want them), so no link, pipe or socket can be left there for the parent to stumble over. Rules of
/proc are about entries that the kernel may forget and make anew, so these stay open.
"""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from assay.workloads.egress.rules import LISTENING
from assay.workloads.sandbox.kernel import call
from assay.workloads.sandbox.policy import DEVICES, Policy

CREATE, ADD, RESTRICT = 444, 445, 446
QUERY_VERSION: Final = 1
RULE_PATH, RULE_PORT = 1, 2
CONNECT_TCP: Final = 2

WRITE_FILE, READ_FILE, READ_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG = 1 << 1, 1 << 2, 1 << 3, 1 << 5, 1 << 7, 1 << 8
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
READ: Final = READ_FILE | READ_DIR
WRITE: Final = READ | WRITE_FILE | REMOVE_FILE | MAKE_REG | TRUNCATE
DEVICE: Final = READ_FILE | WRITE_FILE | IOCTL_DEV
IN_BOX: Final = 0x7FFF & ~(1 << 6 | 1 << 11)
"""All that is done with files but making device nodes."""
EXECUTE: Final = 1
OF_FILES: Final = 1 | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights over files each version of landlock knows."""
NEEDED: Final = 3
"""The first version that keeps a file that may be read from being cut to nothing."""
PORTS_SINCE, SCOPE_SINCE = 4, 6
PORTS: Final = 0b11
SCOPE: Final = 0b11


def version() -> int:
    """Return the kernel's version of landlock; 0 without."""
    try:
        return call(CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(QUERY_VERSION))
    except OSError:
        return 0


def restrict(policy: Policy, known: int) -> list[str]:
    """Return the names of what holds from now on. Raises OSError."""
    handled = (1 << RIGHTS[min(known, max(RIGHTS))]) - 1
    words = [handled, PORTS if known >= PORTS_SINCE else 0, SCOPE if known >= SCOPE_SINCE else 0]
    size = 8 * (3 if known >= SCOPE_SINCE else 2 if known >= PORTS_SINCE else 1)
    ruleset = call(CREATE, ctypes.byref((ctypes.c_uint64 * 3)(*words)), ctypes.c_size_t(size), ctypes.c_uint32(0))
    grant(ruleset, policy.readable(), READ & handled)
    grant(ruleset, policy.devices(), DEVICE & handled)
    grant(ruleset, [policy.scratch, *policy.ledgers], WRITE & handled)
    grant(ruleset, [policy.temporary], (WRITE | MAKE_DIR) & handled)
    if policy.box_bytes:
        grant(ruleset, [policy.box], IN_BOX & handled)
        grant(ruleset, map(Path, DEVICES), DEVICE & handled)
    if policy.egress and known >= PORTS_SINCE:
        rule = CONNECT_TCP.to_bytes(8, "little") + LISTENING.to_bytes(8, "little")
        call(ADD, ruleset, ctypes.c_int(RULE_PORT), ctypes.c_char_p(rule), ctypes.c_uint32(0))
    call(RESTRICT, ruleset, ctypes.c_uint32(0))
    os.close(ruleset)
    since = {"landlock": 1, "landlock.ports": PORTS_SINCE, "landlock.scope": SCOPE_SINCE}
    return [name for name, first in since.items() if known >= first]


def restrict_root(written: Iterable[str]) -> None:
    """Let all of a root be read and executed from now on, but only some folders of it be written. Raises OSError."""
    handled = (1 << RIGHTS[min(version(), max(RIGHTS))]) - 1
    ruleset = call(CREATE, ctypes.byref(ctypes.c_uint64(handled)), ctypes.c_size_t(8), ctypes.c_uint32(0))
    grant(ruleset, [Path("/")], (READ | EXECUTE) & handled)
    grant(ruleset, map(Path, written), IN_BOX & handled)
    grant(ruleset, map(Path, DEVICES), DEVICE & handled)
    call(RESTRICT, ruleset, ctypes.c_uint32(0))
    os.close(ruleset)


def grant(ruleset: int, paths: Iterable[Path], rights: int) -> None:
    """Allow `rights` beneath each of the paths that exist. Raises OSError."""
    for path in paths:
        try:
            folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        own = rights if path.is_dir() else rights & OF_FILES
        rule = own.to_bytes(8, "little") + folder.to_bytes(4, "little")
        call(ADD, ruleset, ctypes.c_int(RULE_PATH), ctypes.c_char_p(rule), ctypes.c_uint32(0))
        if not str(path).startswith("/proc"):
            os.close(folder)
