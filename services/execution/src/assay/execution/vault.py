"""Files that only this process can read: each is sealed under a key of its own, which is in memory and nowhere else.

A key that is forgotten, or that ends with the process, leaves nothing that anybody could read, whatever of the file the
disk still holds.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from assay.proof.sealed import KEY_BYTES, PIECE_BYTES, TAG_BYTES, seal, unseal

MEMORY: Final = frozenset({"tmpfs", "ramfs"})
MOUNTS: Final = Path("/proc/self/mounts")


def seal_file(source: Path, target: Path) -> bytes:
    """The key under which the content of a file lies sealed in another from now on."""
    key, left = secrets.token_bytes(KEY_BYTES), source.stat().st_size
    with source.open("rb") as clear, target.open("wb") as sealed:
        for number in range(pieces(left, PIECE_BYTES)):
            left -= PIECE_BYTES
            sealed.write(seal(key, number, left <= 0, clear.read(PIECE_BYTES)))
    return key


def unsealed(key: bytes, sealed: BinaryIO, size: int) -> Iterator[bytes]:
    """The pieces of what was sealed, in a file of `size` bytes. Raises Refused, blob.mismatch, if it is damaged."""
    count = pieces(size, PIECE_BYTES + TAG_BYTES)
    for number in range(count):
        yield unseal(key, number, number == count - 1, sealed.read(PIECE_BYTES + TAG_BYTES))


def pieces(size: int, each: int) -> int:
    """In how many pieces so many bytes lie; nothing is one piece."""
    return max(1, -(-size // each))


def is_in_memory(folder: Path, mounts: str) -> bool:
    """Whether a folder lies in memory, by the lines of the mounts; what the system swaps out is on a disk again."""
    resolved, deepest, found = folder.resolve(), 0, ""
    for line in mounts.splitlines():
        _, place, kind, *_ = line.split(" ")
        if resolved.is_relative_to(place) and len(place) >= deepest:
            deepest, found = len(place), kind
    return found in MEMORY
