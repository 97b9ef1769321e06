"""How keys of sealed blobs travel: wrapped for the holder on the way in, wrapped for their reader on the way out."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from assay.proof.keys import Key
from assay.proof.sealed import unseal_blob
from assay.proof.wrapped import unwrap, wrap
from assay.schema.job import JobSpec

Ask = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Asks the gateway a question."""


class Getter(Protocol):
    """Where blobs come from."""

    async def get(self, digest: str) -> bytes: ...


async def hand_in(ask: Ask, digest: str, secret: bytes, regions: Sequence[str]) -> None:
    """Have the key of an uploaded blob held. Raises Refused: key.unheld, key.destroyed, blob.missing."""
    holder = (await ask("holder", {}))["public"]
    wrapped = wrap(secret, holder, digest, Key.generate())
    await ask("hold", {"digest": digest, "wrapped": wrapped, "regions": list(regions)})


async def ask_key(ask: Ask, key: Key, digest: str) -> bytes:
    """The key of a sealed blob, for the owner of `key`. Raises Refused: key.*."""
    answer = await ask("key", {"digest": digest, "public": key.public})
    return unwrap(str(answer["wrapped"]), key, digest)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What jobs read, for the owner of a key."""

    blobs: Getter
    ask: Ask
    key: Key

    async def read(self, spec: JobSpec, digest: str) -> bytes:
        """What one of a job's inputs says, sealed or not. Raises Refused: key.*, blob.missing, blob.mismatch."""
        if digest not in spec.sealed:
            return await self.blobs.get(digest)
        secret = await ask_key(self.ask, self.key, digest)
        return await asyncio.to_thread(unseal_blob, secret, await self.blobs.get(digest))

    async def all_of(self, spec: JobSpec) -> dict[str, bytes]:
        """What all inputs of a job say. Raises Refused as `read` does."""
        return {digest: await self.read(spec, digest) for digest in spec.inputs}
