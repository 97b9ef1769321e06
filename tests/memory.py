"""Folders for servers under test: in memory where that has room, since all that they acknowledge waits for the disk."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")
ROOM_BYTES: Final = 4 * 2**30


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A new folder that goes away."""
    has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES
    where = MEMORY if has_room else None
    with tempfile.TemporaryDirectory(prefix="assay-", dir=where, ignore_cleanup_errors=True) as folder:
        yield Path(folder)
