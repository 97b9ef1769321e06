"""The worker's cache of blobs: files named by their digest, fetched once, checked, written whole or not at all."""

import asyncio
import logging
import os
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from assay.proof.digest import blake3_hex
from assay.schema.errors import Retry, Unreachable

AGAIN_S = 1.0
T = TypeVar("T")

log = logging.getLogger(__name__)

# Below this a thread costs more than it spares the loop.
INLINE_BYTES_MAX = 2**16
PUBLISHED_MAX = 1024


class Blobs(Protocol):
    """Where content comes from and goes to."""

    async def get(self, digest: str) -> bytes:
        """The content. Raises Refused: blob.missing."""
        ...

    async def put(self, data: bytes) -> str:
        """The digest under which the content can be fetched from now on."""
        ...


class Cache:
    """Blobs under one folder."""

    def __init__(self, folder: Path, blobs: Blobs) -> None:
        self.folder = folder
        self._blobs = blobs
        self._published: dict[str, None] = {}
        folder.mkdir(parents=True, exist_ok=True)

    async def fetch(self, digest: str) -> Path:
        """The file that holds the blob, from the cache or the network. Raises Refused: blob.missing."""
        path = self.folder / digest
        if not path.exists():
            data = await patiently(partial(self._blobs.get, digest))
            await asyncio.to_thread(self._write, path, data)
        return path

    async def publish(self, path: Path) -> str:
        """The digest of a file's content, put into the blob store and kept here."""
        is_small = path.stat().st_size <= INLINE_BYTES_MAX
        data = path.read_bytes() if is_small else await asyncio.to_thread(path.read_bytes)
        digest = blake3_hex(data)
        if digest in self._published:
            return digest
        target = self.folder / digest
        self._write(target, data) if is_small else await asyncio.to_thread(self._write, target, data)
        stored = await patiently(partial(self._blobs.put, data))
        assert stored == digest
        self._note(digest)
        return digest

    def _note(self, digest: str) -> None:
        """Remembers what is stored already: a result is often the last checkpoint itself."""
        if len(self._published) >= PUBLISHED_MAX:
            self._published.pop(next(iter(self._published)))
        self._published[digest] = None

    def _write(self, path: Path, data: bytes) -> None:
        handle, partial = tempfile.mkstemp(dir=self.folder, prefix=".part-")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(partial).rename(path)


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """The network's answer, however long it is away: an outage is no reason to give up a lease."""
    while True:
        try:
            return await ask()
        except (Retry, Unreachable) as error:
            log.warning("waits for the network: %s", error)
            await asyncio.sleep(AGAIN_S)
