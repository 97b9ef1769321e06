"""What a participant puts in, takes out and has forgotten: blobs, sealed or not."""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.bus.content import content_of
from assay.bus.keys import ask_seal, hand_in, read_made
from assay.bus.participant import Door
from assay.client.errors import BadPath, BadProfile, typed
from assay.client.models import OwnModel, Tell, add_model, untold
from assay.client.sealed import new_seal, sealed, sealed_bytes
from assay.client.source import had
from assay.proof.job_seal import unseal_job_pieces
from assay.proof.keys import Key
from assay.schema.errors import Refused

DOWNLOADS = Path.home() / ".cache" / "assay"


class Data:
    """The blobs of one participant."""

    def __init__(self, door: Door, key: Key | None) -> None:
        self.door, self._key = door, key

    @property
    def key(self) -> Key:
        """The requester's key. Raises BadSettings without one."""
        if self._key is None:
            raise BadProfile("This profile has no key: name one with a key_file.")
        return self._key

    async def upload(self, data: bytes) -> str:
        """The digest of a blob that every provider can fetch from now on."""
        return await self.door.blobs.put(data)

    async def add(self, source: str | Path, expected: str | None = None) -> str:
        """The digest of a file, or of what is at an address of HTTP(S) or S3, uploaded; a broken transfer goes on.

        Raises BadSettings, Unreachable; Refused, blob.mismatch, if it is not what was `expected`.
        """
        async with had(str(source), DOWNLOADS) as path:
            with content_of(path) as content:
                if expected and (found := await content.digest()) != expected:
                    raise Refused("blob.mismatch", f"{source} is {found}.")
                return await self.door.blobs.put(content)

    async def add_model(self, folder: str | Path, tell: Tell = untold) -> OwnModel:
        """A model of Hugging Face in a folder, which jobs bring along that name its digest; `tell` hears how far it is.

        Raises BadInput, Refused, Unreachable.
        """
        return await add_model(self.door.blobs, Path(folder), tell)

    async def add_sealed(self, source: str | Path, regions: Sequence[str] = ()) -> str:
        """The digest of a file or address, sealed here and uploaded so; providers in `regions` are given its key."""
        async with had(str(source), DOWNLOADS) as path, sealed(path) as (key, blob):
            digest = await self.door.blobs.put(blob)
        await hand_in(self.door.ask, digest, key, regions)
        return digest

    async def upload_sealed(self, data: bytes, regions: Sequence[str] = ()) -> str:
        """As `add_sealed`, of what is in memory."""
        key, blob = await asyncio.to_thread(sealed_bytes, data)
        digest = await self.upload(blob)
        await hand_in(self.door.ask, digest, key, regions)
        return digest

    async def new_seal(self, regions: Sequence[str] = ()) -> str:
        """A seal for jobs of the requester in these regions; its key is held from now on. Raises Refused."""
        return await new_seal(self.door.ask, regions)

    async def forget(self, digest: str) -> dict[str, Any]:
        """Has a key `destroyed`, of a sealed blob or of a job by its name: now, or once none of its `jobs` is open.

        Raises Refused.
        """
        return await self.door.ask("forget", {"digest": digest})

    async def read(self, digest: str, seal: str | None = None) -> bytes:
        """A blob that was made for the requester's jobs, under the key of that name. Raises Refused: blob.*, key.*."""
        if seal is None:
            return await self.door.blobs.get(digest)
        return await read_made(self.door.blobs, self.door.ask, self.key, seal, digest)

    async def save(self, digest: str, target: Path, seal: str | None = None) -> Path:
        """As `read`, into a file: a few parts are in memory at a time. Raises Refused: blob.*, key.*; BadPath."""
        if not target.parent.is_dir():
            raise BadPath(f"There is no folder {target.parent}.")
        key = await ask_seal(self.door.ask, self.key, seal) if seal else None
        with tempfile.TemporaryDirectory(prefix="assay-fetched-") as folder:
            await self.door.blobs.save(digest, came := Path(folder, "blob"))
            with typed():
                await asyncio.to_thread(write_out, came, key, target)
        return target


def write_out(came: Path, key: bytes | None, target: Path) -> None:
    """Write what a blob says, whole or not at all; until then what stood there stays. Raises Refused, OSError."""
    if target.exists() and not target.is_file():
        fill(came, key, clear := came.with_suffix(".clear"))
        shutil.copyfile(clear, target)  # a device, or a folder, which says so
        return
    target = target.resolve()
    had = target.exists()
    # Of a name that nobody foresees, and new: another may write to the same folder, or fetch to the same file.
    part = target.with_name(f".assay-{secrets.token_hex(8)}.part")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if had else 0o666))
    try:
        fill(came, key, part)
        if had:
            shutil.copymode(target, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def fill(came: Path, key: bytes | None, target: Path) -> None:
    """Write what a blob says to a file, piece by piece. Raises Refused if its key does not open all of it."""
    if key is None:
        shutil.copyfile(came, target)
        return
    with came.open("rb") as blob, target.open("wb") as file:
        file.writelines(unseal_job_pieces(key, blob, came.stat().st_size))
