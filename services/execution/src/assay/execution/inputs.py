"""The worker's cache of blobs: files named by their digest, fetched once, checked, written whole or not at all."""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Protocol

from assay.proof.digest import blake3_hex


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
        folder.mkdir(parents=True, exist_ok=True)

    async def fetch(self, digest: str) -> Path:
        """The file that holds the blob, from the cache or the network. Raises Refused: blob.missing."""
        path = self.folder / digest
        if not path.exists():
            data = await self._blobs.get(digest)
            await asyncio.to_thread(self._write, path, data)
        return path

    async def publish(self, path: Path) -> str:
        """The digest of a file's content, put into the blob store and kept here."""
        data = await asyncio.to_thread(path.read_bytes)
        digest = blake3_hex(data)
        await asyncio.to_thread(self._write, self.folder / digest, data)
        stored = await self._blobs.put(data)
        assert stored == digest
        return digest

    def _write(self, path: Path, data: bytes) -> None:
        handle, partial = tempfile.mkstemp(dir=self.folder, prefix=".part-")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(partial).rename(path)
