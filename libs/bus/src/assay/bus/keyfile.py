"""Secret keys on disk: one file of mode 0600 for each."""

import os
from pathlib import Path

from assay.proof.keys import Key
from assay.schema.errors import BadSettings


def load_key(path: Path) -> Key:
    """The key in a file. Raises BadSettings if it is missing, no key, or readable by others."""
    try:
        if path.stat().st_mode & 0o077:
            raise BadSettings(f"The key file {path} is readable by others: chmod 600 it.")
        return Key.from_hex(path.read_text().strip())
    except FileNotFoundError:
        raise BadSettings(f"There is no key file {path}.") from None
    except ValueError:
        raise BadSettings(f"The file {path} holds no key of 64 hex digits.") from None


def make_key(path: Path) -> Key:
    """The key in a file, made with a fresh one if there is none."""
    if path.exists():
        return load_key(path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = Key.generate()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(key.hex)
    return key
