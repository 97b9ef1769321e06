"""Data sealed on the requester's own machine, under a key made for it: what is uploaded says nothing without."""

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from assay.proof.sealed import KEY_BYTES, seal_blob


@asynccontextmanager
async def sealed(path: Path) -> AsyncIterator[tuple[bytes, Path]]:
    """A fresh key, and the file in which the content of another is sealed under it; the file goes with the block."""
    key = secrets.token_bytes(KEY_BYTES)
    with tempfile.TemporaryDirectory(prefix="assay-sealed-") as folder:
        blob = Path(folder, "blob")
        await asyncio.to_thread(write, key, path, blob)
        yield key, blob


def write(key: bytes, source: Path, target: Path) -> None:
    """Seal a file piece by piece."""
    with source.open("rb") as clear, target.open("wb") as blob:
        blob.writelines(seal_blob(key, clear, source.stat().st_size))
