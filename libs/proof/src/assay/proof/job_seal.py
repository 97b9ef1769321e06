"""What is made for a job, sealed under the job's key: the same bytes come to the same sealed bytes, whoever seals them.

So digests of what is stored can be compared, and the parts of a checkpoint that are those of the one before need not
travel. Each piece has a key of its own, a keyed hash of the piece, its number and whether it is the last: under it
AES-256-GCM seals this one content. Before the piece stands what its key follows from, which says nothing but that two
pieces at one place are equal. What was not sealed just so, under this key, is refused.

A key has a name, which binds it: the order says which key is meant, and no two readers can be given two.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO, Final

from blake3 import blake3

from assay.proof.sealed import KEY_BYTES, TAG_BYTES, count_of, seal, unseal
from assay.schema.errors import Refused
from assay.schema.values import Digest

SEALED_PIECE_BYTES: Final = 2**19
"""As long as a part on the wire (`assay.bus.parts`), so that an equal piece is an equal part."""
MARK_BYTES: Final = 32
PIECE_BYTES: Final = SEALED_PIECE_BYTES - MARK_BYTES - TAG_BYTES
UNOPENED: Final = "blob.unopened"
NAME: Final = "assay 2026-11 name of the key of a job"
MARK: Final = "assay 2026-11 mark of a piece that a job made"
PIECE: Final = "assay 2026-11 key of a piece that a job made"


def name_of(key: bytes) -> Digest:
    """The name of a job's key: only this key has it, and nobody finds the key by it."""
    return blake3(key, derive_key_context=NAME).hexdigest()


def check_name(key: bytes, name: Digest) -> None:
    """Raises Refused, key.malformed, for another key than the one of this name: nobody who makes things is to blame."""
    if name_of(key) != name:
        raise Refused("key.malformed", "It is not the key that the order names.")


def seal_job(key: bytes, content: bytes) -> bytes:
    """A content as it is stored for a job."""
    return b"".join(seal_job_pieces(key, BytesIO(content), len(content)))


def unseal_job(key: bytes, blob: bytes) -> bytes:
    """The content that was sealed so. Raises Refused, blob.unopened, for anything else."""
    return b"".join(unseal_job_pieces(key, BytesIO(blob), len(blob)))


def seal_job_pieces(key: bytes, clear: BinaryIO, size: int) -> Iterator[bytes]:
    """The pieces of a content of `size` bytes as they are stored."""
    marking, keying = _keys(key)
    count = count_of(size, PIECE_BYTES)
    for number in range(count):
        piece = clear.read(PIECE_BYTES)
        is_last = number == count - 1
        mark = _mark(marking, number, is_last, piece)
        yield mark + seal(blake3(mark, key=keying).digest(), number, is_last, piece)


def unseal_job_pieces(key: bytes, sealed: BinaryIO, size: int) -> Iterator[bytes]:
    """The pieces of what was sealed, of `size` bytes as it is stored. Raises Refused as `unseal_job` does."""
    count = count_of(size, SEALED_PIECE_BYTES)
    for number in range(count):
        yield unseal_job_piece(key, number, number == count - 1, sealed.read(SEALED_PIECE_BYTES))


def unseal_job_piece(key: bytes, number: int, is_last: bool, stored: bytes) -> bytes:
    """What one piece says, by its number and whether it is the last. Raises Refused as `unseal_job` does."""
    marking, keying = _keys(key)
    mark = stored[:MARK_BYTES]
    try:
        piece = unseal(blake3(mark, key=keying).digest(), number, is_last, stored[MARK_BYTES:])
    except Refused as damaged:
        raise Refused(UNOPENED, damaged.detail) from None
    # Only a content of nothing has an empty piece.
    if _mark(marking, number, is_last, piece) != mark or (number and not piece):
        raise Refused(UNOPENED, f"The piece {number} was not sealed as it should be.")
    return piece


def _keys(key: bytes) -> tuple[bytes, bytes]:
    if len(key) != KEY_BYTES:
        raise ValueError(f"A key has {KEY_BYTES} bytes.")
    return blake3(key, derive_key_context=MARK).digest(), blake3(key, derive_key_context=PIECE).digest()


def _mark(marking: bytes, number: int, is_last: bool, piece: bytes) -> bytes:
    place = number.to_bytes(8, "big") + bytes([is_last])
    return blake3(place, key=marking).update(piece).digest()
