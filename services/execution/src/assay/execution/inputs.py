"""A worker's cache, and what it makes: put into the blob store, sealed if its job says so."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from assay.bus.keys import as_stored
from assay.execution.stored import Blobs as Store
from assay.execution.stored import Stored
from assay.runtime import cache
from assay.runtime.cache import CACHE_BYTES, Keyring
from assay.schema.job import JobSpec


class Blobs(cache.Blobs, Store, Protocol):
    """Where content comes from and goes to."""


class Cache(cache.Cache):
    """What leases read, and what they made."""

    def __init__(
        self,
        folder: Path,
        room: Path,
        blobs: Blobs,
        keyring: Keyring,
        bytes_max: int = CACHE_BYTES,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(folder, room, blobs, keyring, bytes_max, now_s)
        self.stored = Stored(blobs)

    async def publish(self, path: Path, spec: JobSpec, base: str | None = None) -> str:
        """The digest of what was made for a job, put into the blob store, sealed if it says so; `base` was before.

        A few parts are in memory at a time. Raises Refused: key.*, blob.mismatch for a file that is changed meanwhile.
        """
        secret = await self.sealing(spec.seal) if spec.seal else None
        # Not beside it: a room may lie in memory.
        async with as_stored(secret, path, self.folder) as content:
            await self.stored.put(digest := await content.digest(), content, base)
        return digest
