"""Data at rest, sealed piece by piece under a key that was made for it alone; who forgets the key has deleted the data.

STREAM (Hoang, Reyhanitabar, Rogaway and Vizár, 2015) over AES-256-GCM: the nonce is the number of a piece and whether
it is the last, so that none can be changed, moved, left out or cut off. A key must seal one content only.
"""

from typing import Any, Final

from Crypto.Cipher import AES

from assay.schema.errors import Refused

KEY_BYTES: Final = 32
PIECE_BYTES: Final = 2**20
TAG_BYTES: Final = 16
NUMBER_BYTES: Final = 11


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


def _cipher(key: bytes, number: int, is_last: bool) -> Any:
    return AES.new(key, AES.MODE_GCM, nonce=number.to_bytes(NUMBER_BYTES, "big") + bytes([is_last]))
