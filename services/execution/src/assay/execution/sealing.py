"""Files that only this process can read: each is sealed under a key of its own, which is in memory and nowhere else.

A key that is forgotten, or that ends with the process, leaves nothing that anybody could read, whatever of the file the
disk still holds.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from assay.proof.sealed import KEY_BYTES, PIECE_BYTES, TAG_BYTES, seal, unseal


def seal_file(source: Path, target: Path) -> bytes:
    """The key under which the content of a file lies sealed in another from now on."""
    key, left = secrets.token_bytes(KEY_BYTES), source.stat().st_size
    with source.open("rb") as clear, target.open("wb") as sealed:
        for number in range(count_of(left, PIECE_BYTES)):
            left -= PIECE_BYTES
            sealed.write(seal(key, number, left <= 0, clear.read(PIECE_BYTES)))
    return key


def unseal_pieces(key: bytes, sealed: BinaryIO, size: int) -> Iterator[bytes]:
    """The pieces of what was sealed, in a file of `size` bytes. Raises Refused, blob.mismatch, if it is damaged."""
    count = count_of(size, PIECE_BYTES + TAG_BYTES)
    for number in range(count):
        yield unseal(key, number, number == count - 1, sealed.read(PIECE_BYTES + TAG_BYTES))


def count_of(size: int, each: int) -> int:
    """In how many pieces so many bytes lie; nothing is one piece."""
    return max(1, -(-size // each))
