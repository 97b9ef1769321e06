"""What is sealed under keys made on the requester's own machine: its data, and what is made for its jobs."""

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

from assay.bus.keys import Ask, hand_in
from assay.proof.job_seal import name_of
from assay.proof.sealed import KEY_BYTES, seal_blob
from assay.schema.values import Digest


@asynccontextmanager
async def sealed(path: Path) -> AsyncIterator[tuple[bytes, Path]]:
    """A fresh key, and the file in which the content of another is sealed under it; the file goes with the block."""
    key = secrets.token_bytes(KEY_BYTES)
    with tempfile.TemporaryDirectory(prefix="assay-sealed-") as folder:
        blob = Path(folder, "blob")
        await asyncio.to_thread(write, key, path, blob)
        yield key, blob


def sealed_bytes(content: bytes) -> tuple[bytes, bytes]:
    """A fresh key, and the content sealed under it."""
    key = secrets.token_bytes(KEY_BYTES)
    return key, b"".join(seal_blob(key, BytesIO(content), len(content)))


async def new_seal(ask: Ask, regions: Sequence[str]) -> Digest:
    """A seal, under which what jobs in these regions make is stored: its key is held from now on. Raises Refused."""
    key = secrets.token_bytes(KEY_BYTES)
    await hand_in(ask, name_of(key), key, regions)
    return name_of(key)


def write(key: bytes, source: Path, target: Path) -> None:
    """Seal a file piece by piece."""
    with source.open("rb") as clear, target.open("wb") as blob:
        blob.writelines(seal_blob(key, clear, source.stat().st_size))
