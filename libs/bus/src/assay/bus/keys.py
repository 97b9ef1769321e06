"""How keys of sealed blobs and of jobs travel, wrapped for the holder or for their reader; what is read with them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from assay.proof.digest import blake3_hex
from assay.proof.job_seal import UNOPENED, check_name, seal_job, unseal_job
from assay.proof.keys import Key
from assay.proof.sealed import unseal_blob
from assay.proof.wrapped import unwrap, wrap
from assay.schema.errors import Refused
from assay.schema.job import JobSpec

Ask = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Asks the gateway a question."""


class Getter(Protocol):
    """Where blobs come from."""

    async def get(self, digest: str) -> bytes: ...


class Store(Getter, Protocol):
    """Where they go to, too."""

    async def put(self, data: bytes) -> str: ...


async def hand_in(ask: Ask, digest: str, secret: bytes, regions: Sequence[str]) -> None:
    """Have the key of an uploaded blob, or of a job by its name, held. Raises Refused: key.*, blob.missing."""
    holder = (await ask("holder", {}))["public"]
    wrapped = wrap(secret, holder, digest, Key.generate())
    await ask("hold", {"digest": digest, "wrapped": wrapped, "regions": list(regions)})


async def ask_key(ask: Ask, key: Key, digest: str) -> bytes:
    """The key of a sealed blob or of a job, for the owner of `key`. Raises Refused: key.*."""
    answer = await ask("key", {"digest": digest, "public": key.public})
    return unwrap(str(answer["wrapped"]), key, digest)


async def read_made(blobs: Getter, ask: Ask, key: Key, seal: str, digest: str) -> bytes:
    """What was made for a job and sealed under the key of that name. Raises Refused: key.*, blob.*."""
    return await asyncio.to_thread(unseal_job, await ask_seal(ask, key, seal), await blobs.get(digest))


async def ask_seal(ask: Ask, key: Key, name: str) -> bytes:
    """The key of this name, under which what a job makes is sealed, for the owner of `key`. Raises Refused: key.*."""
    secret = await ask_key(ask, key, name)
    check_name(secret, name)
    return secret


@dataclass(frozen=True, slots=True)
class JobBlobs:
    """What jobs read and what is made for them, for the owner of a key."""

    blobs: Store
    ask: Ask
    key: Key

    async def read_input(self, spec: JobSpec, digest: str) -> bytes:
        """What one of a job's inputs says, sealed or not. Raises Refused: key.*, blob.*."""
        if digest in spec.made:
            return await self._read_made_before(spec, digest)
        if digest not in spec.sealed:
            return await self.blobs.get(digest)
        secret = await ask_key(self.ask, self.key, digest)
        return await asyncio.to_thread(unseal_blob, secret, await self.blobs.get(digest))

    async def read(self, spec: JobSpec, digest: str) -> bytes:
        """What was made for a job, sealed or not; a requester may have added the same bytes as an input.

        Raises Refused: key.*, blob.*.
        """
        if spec.seal is None:
            return await self.blobs.get(digest)
        return await read_made(self.blobs, self.ask, self.key, spec.seal, digest)

    async def _read_made_before(self, spec: JobSpec, digest: str) -> bytes:
        """What was made for a job of the same seal: nothing, if that does not open it, for whoever reads it."""
        try:
            return await self.read(spec, digest)
        except Refused as refusal:
            if refusal.code != UNOPENED:
                raise
            return b""

    async def all_of(self, spec: JobSpec) -> dict[str, bytes]:
        """What all inputs of a job say. Raises Refused as `read_input` does."""
        return {digest: await self.read_input(spec, digest) for digest in spec.inputs}

    async def put(self, spec: JobSpec, content: bytes) -> str:
        """The digest under which what was made for a job is stored now. Raises Refused: key.*."""
        return await self.blobs.put(await self._stored(spec, content))

    async def name(self, spec: JobSpec, content: bytes) -> str:
        """The digest under which what was made for a job would be stored. Raises Refused: key.*."""
        return await asyncio.to_thread(blake3_hex, await self._stored(spec, content))

    async def _stored(self, spec: JobSpec, content: bytes) -> bytes:
        if spec.seal is None:
            return content
        return await asyncio.to_thread(seal_job, await ask_seal(self.ask, self.key, spec.seal), content)
