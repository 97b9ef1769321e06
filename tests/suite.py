"""Runs all tests in four processes; what failed on real servers is run once more with the machine to itself, and named.

Two networks of real processes and two more testers share the machine and its ports, and what happens between processes
has deadlines. A test that fails for that passes alone; one that fails because something is wrong mostly does not. Tests
without a server have no such excuse: where one of them fails, nothing is run again.
"""

import json
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

from tests.dealing import SERVED

PLACES: Final = ("libs", "services", "tests")
BESIDE: Final = ("-n", "4", "--dist", "loadgroup", "--cache-clear", "--durations", "40", "--durations-min", "5")
"""What took longest is told at the end: where the time of all goes."""
AGAIN_MAX: Final = 4
"""More failures than this are no accident."""
CACHE: Final = Path(".pytest_cache/v")


def excused(failed: Collection[str], served: Collection[str]) -> list[str]:
    """Those of the failed tests to run again: all of them, if they are few and each has a server, else none."""
    return sorted(failed) if {*failed} <= {*served} and len(failed) <= AGAIN_MAX else []


def remembered(name: str) -> list[str]:
    """What the run before has left under a name."""
    file = CACHE / name
    return list(json.loads(file.read_text())) if file.exists() else []


def run(*arguments: str) -> int:
    """The exit code of pytest.

    What it starts, hundreds of processes, may leave its bytecode to the next: compiling is a third of a start.
    """
    told = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run([sys.executable, "-m", "pytest", "-q", *arguments], env=told).returncode


def main() -> int:
    """The exit code of the suite."""
    code = run(*BESIDE, *PLACES)
    again = excused(remembered("cache/lastfailed"), remembered(SERVED)) if code == 1 else []
    if not again:
        return code
    print(f"\n{len(again)} failed beside other tests. Once more, alone:", *again, sep="\n  ", flush=True)
    code = run(*again)
    if code == 0:
        print("They pass alone: what they wait for comes too late on a busy machine. Mend them.", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
