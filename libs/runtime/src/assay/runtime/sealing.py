"""Files that only this process can read: each is sealed under a key of its own, which is in memory and nowhere else.

A key that is forgotten, or that ends with the process, leaves nothing that anybody could read, whatever of the file the
disk still holds.
"""

import secrets
from pathlib import Path

from assay.proof.sealed import KEY_BYTES, seal_pieces


def seal_file(source: Path, target: Path) -> bytes:
    """The key under which the content of a file lies sealed in another from now on."""
    key = secrets.token_bytes(KEY_BYTES)
    with source.open("rb") as clear, target.open("wb") as sealed:
        sealed.writelines(seal_pieces(key, clear, source.stat().st_size))
    return key
