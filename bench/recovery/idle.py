"""Whether the children of a process have nothing to do: one that loads libraries computes, or waits for the disk."""

import asyncio
from pathlib import Path
from typing import Final

import psutil

LOOKS: Final = 10
LOOK_S: Final = 0.05
ASLEEP: Final = "S"


async def is_idle(pid: int | None) -> bool:
    """Whether every thread of a process's children sleeps, for half a second."""
    for _ in range(LOOKS):
        if pid is None or not is_asleep(pid):
            return False
        await asyncio.sleep(LOOK_S)
    return True


def is_asleep(pid: int) -> bool:
    """Whether a process has children, and every thread of theirs sleeps at this moment."""
    try:
        children = psutil.Process(pid).children(recursive=True)
        return bool(children) and {state for child in children for state in states_of(child.pid)} <= {ASLEEP}
    except (psutil.NoSuchProcess, OSError):
        return False


def states_of(pid: int) -> list[str]:
    """The states of a process's threads, as the kernel has them."""
    return [stat.read_text().rpartition(")")[2].split()[0] for stat in Path(f"/proc/{pid}/task").glob("*/stat")]
