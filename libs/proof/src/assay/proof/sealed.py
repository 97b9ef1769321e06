"""Data at rest, sealed piece by piece under a key that was made for it alone; who forgets the key has deleted the data.

STREAM (Hoang, Reyhanitabar, Rogaway and Vizár, 2015) over AES-256-GCM: the nonce is the number of a piece and whether
it is the last, so that none can be changed, moved, left out or cut off. A key must seal one content only.

A sealed blob begins with a commitment to its key: GCM alone would let one blob say different things under two keys, and
whoever hands out keys could have two readers see two contents.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO, Final

from blake3 import blake3
from Crypto.Cipher import AES

from assay.schema.errors import Refused

KEY_BYTES: Final = 32
PIECE_BYTES: Final = 2**20
TAG_BYTES: Final = 16
NUMBER_BYTES: Final = 11
HEAD_BYTES: Final = 32
HEAD: Final = "assay 2026-11 commitment to the key of a sealed blob"


def seal(key: bytes, number: int, is_last: bool, piece: bytes) -> bytes:
    """A piece as it is kept: as long as it was, and a tag."""
    sealed, tag = _cipher(key, number, is_last).encrypt_and_digest(piece)
    return bytes(sealed + tag)


def unseal(key: bytes, number: int, is_last: bool, sealed: bytes) -> bytes:
    """The piece that was sealed so. Raises Refused, blob.mismatch, for anything else."""
    cut = max(0, len(sealed) - TAG_BYTES)
    try:
        return bytes(_cipher(key, number, is_last).decrypt_and_verify(sealed[:cut], sealed[cut:]))
    except ValueError:
        raise Refused("blob.mismatch", f"The piece {number} of what was kept is damaged.") from None


def seal_pieces(key: bytes, clear: BinaryIO, size: int) -> Iterator[bytes]:
    """The pieces of a content of `size` bytes as they are kept."""
    count = count_of(size, PIECE_BYTES)
    for number in range(count):
        yield seal(key, number, number == count - 1, clear.read(PIECE_BYTES))


def unseal_pieces(key: bytes, sealed: BinaryIO, size: int) -> Iterator[bytes]:
    """The pieces of what was sealed, of `size` bytes as it is kept. Raises Refused, blob.mismatch, if it is damaged."""
    count = count_of(size, PIECE_BYTES + TAG_BYTES)
    for number in range(count):
        yield unseal(key, number, number == count - 1, sealed.read(PIECE_BYTES + TAG_BYTES))


def seal_blob(key: bytes, clear: BinaryIO, size: int) -> Iterator[bytes]:
    """A content as a sealed blob: what commits to the key, then the pieces."""
    yield head_of(key)
    yield from seal_pieces(key, clear, size)


def unseal_blob(key: bytes, blob: bytes) -> bytes:
    """What a sealed blob says. Raises Refused, blob.mismatch, if it is damaged or the key is another's."""
    return b"".join(unseal_blob_pieces(key, BytesIO(blob), len(blob)))


def unseal_blob_pieces(key: bytes, blob: BinaryIO, size: int) -> Iterator[bytes]:
    """The pieces of what a sealed blob of `size` bytes says. Raises Refused as `unseal_blob` does."""
    check_head(key, blob.read(HEAD_BYTES))
    yield from unseal_pieces(key, blob, size - HEAD_BYTES)


def head_of(key: bytes) -> bytes:
    """What a sealed blob begins with: only this key has it, and nobody finds the key by it."""
    return blake3(key, derive_key_context=HEAD).digest()


def check_head(key: bytes, head: bytes) -> None:
    """Raises Refused, blob.mismatch, if a blob that begins so was not sealed under this key."""
    if head != head_of(key):
        raise Refused("blob.mismatch", "It was not sealed under this key.")


def count_of(size: int, each: int) -> int:
    """In how many pieces so many bytes lie; nothing is one piece."""
    return max(1, -(-size // each))


def _cipher(key: bytes, number: int, is_last: bool) -> Any:
    return AES.new(key, AES.MODE_GCM, nonce=number.to_bytes(NUMBER_BYTES, "big") + bytes([is_last]))
