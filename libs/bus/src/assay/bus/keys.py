"""How keys of sealed blobs and of jobs travel, wrapped for the holder or for their reader; what is read with them."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, Protocol

from blake3 import blake3

from assay.bus.content import Content, Data, content_of
from assay.proof.job_seal import UNOPENED, check_name, seal_job, seal_job_pieces, unseal_job, unseal_job_pieces
from assay.proof.keys import Key
from assay.proof.sealed import unseal_blob_pieces
from assay.proof.wrapped import unwrap, wrap
from assay.schema.errors import Refused
from assay.schema.job import JobSpec

READ_BYTES: Final = 2**20
Ask = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Asks the gateway a question."""
Opening = Callable[[BinaryIO, int], Iterator[bytes]]
"""What a sealed file of so many bytes says. Raises Refused: blob.*."""


class Getter(Protocol):
    """Where blobs come from."""

    async def get(self, digest: str) -> bytes: ...


class Store(Getter, Protocol):
    """Where they go to, too."""

    async def put(self, data: Data) -> str: ...
    async def save(self, digest: str, path: Path) -> None: ...


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
        try:
            return await self._read(digest, await self._opening_of(spec, digest))
        except Refused as refusal:
            check_says_nothing(spec, digest, refusal)
            return b""

    async def read(self, spec: JobSpec, digest: str) -> bytes:
        """What was made for a job, sealed or not; a requester may have added the same bytes as an input.

        Raises Refused: key.*, blob.*.
        """
        return await self._read(digest, await self._opening(spec))

    async def save_input(self, spec: JobSpec, digest: str, path: Path) -> None:
        """As `read_input`, into a file: a few parts are in memory at a time."""
        try:
            await self._save(digest, await self._opening_of(spec, digest), path)
        except Refused as refusal:
            check_says_nothing(spec, digest, refusal)
            path.write_bytes(b"")

    async def save(self, spec: JobSpec, digest: str, path: Path) -> None:
        """As `read`, into a file: a few parts are in memory at a time."""
        await self._save(digest, await self._opening(spec), path)

    async def _opening(self, spec: JobSpec) -> Opening | None:
        """By what is read what was made for a job; none for what lies in the clear."""
        return partial(unseal_job_pieces, await ask_seal(self.ask, self.key, spec.seal)) if spec.seal else None

    async def _opening_of(self, spec: JobSpec, digest: str) -> Opening | None:
        if digest in spec.made:
            return await self._opening(spec)
        if digest not in spec.sealed:
            return None
        return partial(unseal_blob_pieces, await ask_key(self.ask, self.key, digest))

    async def _read(self, digest: str, opening: Opening | None) -> bytes:
        data = await self.blobs.get(digest)
        return await asyncio.to_thread(lambda: b"".join(opening(BytesIO(data), len(data)))) if opening else data

    async def _save(self, digest: str, opening: Opening | None, path: Path) -> None:
        if opening is None:
            return await self.blobs.save(digest, path)
        came = path.with_name(f"{path.name}.sealed")
        try:
            await self.blobs.save(digest, came)
            await asyncio.to_thread(write_opened, opening, came, path)
        finally:
            came.unlink(missing_ok=True)

    async def all_of(self, spec: JobSpec) -> dict[str, bytes]:
        """What all inputs of a job say. Raises Refused as `read_input` does."""
        return {digest: await self.read_input(spec, digest) for digest in spec.inputs}

    async def put(self, spec: JobSpec, made: bytes | Path) -> str:
        """The digest under which what was made for a job is stored now; of a file a few parts are in memory at a time.

        Raises Refused: key.*, blob.*.
        """
        secret = await ask_seal(self.ask, self.key, spec.seal) if spec.seal else None
        async with as_stored(secret, made) as content:
            return await self.blobs.put(content)

    async def name(self, spec: JobSpec, path: Path) -> str:
        """The digest under which what was made for a job, a file now, would be stored. Raises Refused: key.*."""
        secret = await ask_seal(self.ask, self.key, spec.seal) if spec.seal else None
        return await asyncio.to_thread(name_of_file, secret, path)


@asynccontextmanager
async def as_stored(secret: bytes | None, made: bytes | Path, folder: Path | None = None) -> AsyncIterator[Content]:
    """What was made for a job as it is stored: as it is, or sealed under a key.

    A file is sealed once, into another without a name, which nobody else can reach: in `folder`, or else beside it.
    """
    if secret is None:
        with content_of(made) as content:
            yield content
    elif isinstance(made, bytes):
        yield Content.of_bytes(await asyncio.to_thread(seal_job, secret, made))
    else:
        with tempfile.TemporaryFile(dir=folder or made.parent) as sealed:
            await asyncio.to_thread(write_sealed, secret, made, sealed)
            yield Content.of_file(sealed.fileno())


def write_sealed(secret: bytes, made: Path, sealed: IO[bytes]) -> None:
    """Write what a file says, sealed for its job, to another."""
    with made.open("rb") as clear:
        sealed.writelines(seal_job_pieces(secret, clear, made.stat().st_size))
    sealed.flush()


def check_says_nothing(spec: JobSpec, digest: str, refusal: Refused) -> None:
    """Nothing, if an input was to be made for a job of the same seal, and that does not open it. Raises the refusal."""
    if digest not in spec.made or refusal.code != UNOPENED:
        raise refusal


def write_opened(opening: Opening, came: Path, path: Path) -> None:
    """Write what a sealed file says to another, which is whole or not there. Raises Refused: blob.*."""
    try:
        with came.open("rb") as sealed, path.open("wb") as clear:
            clear.writelines(opening(sealed, came.stat().st_size))
    except Refused:
        path.unlink()
        raise


def name_of_file(secret: bytes | None, path: Path) -> str:
    """The digest of a file's content as it is stored, under a key if one is given."""
    # Not mapped: whoever could cut the file short meanwhile would end this process.
    found = blake3()
    with path.open("rb") as clear:
        size = path.stat().st_size
        for piece in seal_job_pieces(secret, clear, size) if secret else iter(partial(clear.read, READ_BYTES), b""):
            found.update(piece)
    return found.hexdigest()
