"""What the parent sees of a child from outside, several times a second: its memory, its threads, its files.

The kernel's own limits are by process and by file; these are sums. They hold without root and without a control group,
a fraction of a second late.
"""

import os
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

from assay.workloads.sandbox.errors import breach
from assay.workloads.sandbox.kernel import field_of, thread_count
from assay.workloads.sandbox.policy import Policy
from assay.workloads.task import Failed

PERIOD_S: Final = 0.2
FILES_MAX: Final = 20_000
"""Files of a lease at a time. A job has at most 10000 segments, and each leaves one until it is committed."""
PATH_MAX: Final = 2048
OF_MEMORY: Final = ("RssAnon", "RssShmem", "VmSwap")


def look(pid: int, policy: Policy, log_bytes: int = 0) -> Failed | None:
    """Return the limit that a child is over, if it is. `log_bytes` is what it wrote to its log.

    Who cannot be looked after does not go on.
    """
    try:
        return over(pid, policy, log_bytes)
    except (OSError, ValueError) as error:
        return breach("sandbox.unwatched", f"It could not be looked after: {error}.")


def over(pid: int, policy: Policy, log_bytes: int) -> Failed | None:
    """Return the limit that a child is over, if it is. Raises OSError, ValueError where the kernel says none."""
    found = [status for each in (tree(pid) if policy.box_bytes else [pid]) if (status := status_of(each))]
    used = sum(map(memory_of, found))
    if used > policy.memory_bytes:
        return breach("sandbox.memory", f"{used} bytes are in use, of {policy.memory_bytes}.")
    threads = sum(map(thread_count, found))
    if threads > policy.threads:
        return breach("sandbox.threads", f"{threads} threads run, of {policy.threads}.")
    files, size = usage(policy.scratch)
    if files > FILES_MAX or size + log_bytes > policy.disk_bytes:
        return breach("sandbox.disk", f"{size + log_bytes} bytes in {files} files, of {policy.disk_bytes}.")
    return None


def status_of(pid: int) -> str:
    """Return /proc/*/status; nothing of a process that is gone."""
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def tree(pid: int) -> list[int]:
    """Return a process and all that it and its like have started, as far as they are within bounds."""
    found = [pid]
    for each in found:
        for thread in listed(f"/proc/{each}/task"):
            with suppress(FileNotFoundError, ProcessLookupError):
                found += map(int, Path(f"/proc/{each}/task/{thread}/children").read_text().split())
        if len(found) > FILES_MAX:
            break
    return found


def listed(folder: str) -> list[str]:
    """Return the names in a folder; none of one that is gone, which a process may be from one moment to the next."""
    try:
        return [path.name for path in Path(folder).iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def memory_of(status: str) -> int:
    """Return the bytes that /proc/*/status counts as a process's own, files that are mapped left out."""
    return sum(int(field_of(status, name)) for name in OF_MEMORY) * 1024


def usage(folder: Path) -> tuple[int, int]:
    """Return files and bytes beneath a folder, counted as far as they are within bounds and paths can be written.

    What cannot be looked into counts as too much.
    """
    files, size, folders = 0, 0, [str(folder)]
    while folders and files <= FILES_MAX:
        path = folders.pop()
        if len(path) > PATH_MAX:
            return FILES_MAX + 1, size
        try:
            with os.scandir(path) as entries:
                for entry in islice(entries, FILES_MAX + 1 - files):
                    files += 1
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                        continue
                    with suppress(FileNotFoundError):
                        size += entry.stat(follow_symlinks=False).st_blocks * 512
        except FileNotFoundError:
            continue
        except PermissionError:
            return FILES_MAX + 1, size
    return files, size
