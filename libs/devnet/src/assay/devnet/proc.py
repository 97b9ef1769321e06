"""What /proc says about processes: whether one still is the one we started, which ports it holds, where it works."""

from pathlib import Path

PROC = Path("/proc")
LISTENING = "0A"


def boot_id() -> str:
    """The name of this boot of the machine: no process outlives it."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def start_ticks(pid: int) -> int | None:
    """When the process was started, in clock ticks since boot; None if there is none or it is a zombie.

    A pid is used again, a pair of pid and start time is not.
    """
    try:
        # The command's name stands in parentheses and may hold anything, parentheses and spaces too.
        state, *rest = (PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else int(rest[18])


def pids() -> list[int]:
    """Every process that can be seen."""
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def working_in(*folders: Path) -> list[int]:
    """The processes whose working directory is one of these folders."""
    return [pid for pid in pids() if working_directory(pid) in folders]


def working_directory(pid: int) -> Path | None:
    """Where a process works; None if it has ended or is not ours to look at."""
    try:
        return (PROC / str(pid) / "cwd").readlink()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None


def listens(pid: int, port: int) -> bool:
    """Whether this very process listens on the TCP port, not another that was there first."""
    try:
        rows = [line.split() for line in (PROC / str(pid) / "net/tcp").read_text().splitlines()[1:]]
        inodes = {row[9] for row in rows if row[3] == LISTENING and int(row[1].rpartition(":")[2], 16) == port}
        return bool(inodes) and any(f"socket:[{inode}]" in open_files(pid) for inode in inodes)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


def open_files(pid: int) -> set[str]:
    """The names of what a process holds open, as the kernel writes them."""
    found = set()
    for entry in (PROC / str(pid) / "fd").iterdir():
        try:
            found.add(str(entry.readlink()))
        except FileNotFoundError:
            continue  # closed while we looked
    return found
