"""Where the rooms of a worker lie."""

from pathlib import Path

import pytest

from assay.execution.rooms import is_in_memory

MOUNTS = """\
overlay / overlay rw 0 0
tmpfs /mem tmpfs rw 0 0
/dev/sda1 /mem/disk ext4 rw 0 0
/dev/sda2 /twice ext4 rw 0 0
tmpfs /twice tmpfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "is_so"),
    [
        ("/var/rooms", False),
        ("/mem", True),
        ("/mem/rooms", True),
        ("/mem/disk/rooms", False),
        ("/memory", False),
        ("/twice/rooms", True),
    ],
)
def test_a_folder_is_in_memory_if_the_last_and_deepest_mount_over_it_is(folder: str, is_so: bool) -> None:
    assert is_in_memory(Path(folder), MOUNTS) == is_so
