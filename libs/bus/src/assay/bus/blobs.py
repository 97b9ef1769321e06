"""The core's side of the blobs: a JetStream Object Store bucket whose objects are named by their BLAKE3 digest.

A part has a subject of its own, `$O.BLOBS.C.<owner>.<digest>.<index>`, so that any part is read with one direct get, a
broken upload goes on where it ended, and no uploader can touch the parts of another. The object's record is written
last, after the digest is checked: what has one is whole. Its `nuid` is the wildcard over the parts, by which every
Object Store client reads it. (The reader of nats-py takes quadratic time: docs/adr has the figures.)
"""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from blake3 import blake3
from nats.aio.client import Client
from nats.aio.msg import Msg

from assay.bus.api import PREFIX, ServerRefused, call, request
from assay.bus.faults import RETRY_S, typed_faults
from assay.bus.parts import PART_BYTES, all_of, check_part, check_total, cut, in_turn, offsets
from assay.bus.streams import BLOB_STREAM, BUCKET
from assay.proof.digest import blob_digest
from assay.schema.errors import Refused, Retry

BLOB_TIMEOUT_S: Final = 10.0
CORE_OWNER: Final = "core"
NO_MESSAGE: Final = 10037
HASH_INLINE_BYTES_MAX: Final = 2**20
RECORDS_KEPT_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class BlobRecord:
    """What the store knows of a whole blob: its size, and whose upload made it whole."""

    size: int
    owner: str


class NatsBlobs:
    """The blobs over a connection of the core account."""

    def __init__(self, nc: Client) -> None:
        self._nc = nc
        self._records: dict[str, BlobRecord] = {}

    async def put(self, data: bytes) -> str:
        """The digest of the data, which is stored when this returns."""
        digest = await _digest_of(data)
        await self._keep(digest, data, CORE_OWNER)
        return digest

    async def keep(self, digest: str, data: bytes, owner: str) -> None:
        """Store a whole blob of an owner at once. Raises Refused: blob.oversized, blob.mismatch."""
        if (found := await _digest_of(data)) != digest:
            raise Refused("blob.mismatch", f"What came is {found}, not {digest}.")
        await self._keep(digest, data, owner)

    async def _keep(self, digest: str, data: bytes, owner: str) -> None:
        check_total(len(data))
        if not await self.has(digest):
            await all_of(
                partial(self._store, _part_subject(owner, digest, offset), bytes(part)) for offset, part in cut(data)
            )
            await self._record(digest, BlobRecord(len(data), owner), hashlib.sha256(data).digest())

    async def get(self, digest: str) -> bytes:
        """The data, checked against the digest. Raises Refused: blob.missing, blob.mismatch."""
        record = await self._find(digest)
        data = b"".join([part async for part in self._parts(digest, record)])
        if await _digest_of(data) != digest:
            raise Refused("blob.mismatch", f"The store's {digest} is damaged.")
        return data

    async def has(self, digest: str) -> bool:
        """Whether the whole blob is stored."""
        return await self._look_up(digest) is not None

    async def size(self, digest: str) -> int:
        """How many bytes the blob has. Raises Refused: blob.missing."""
        return (await self._find(digest)).size

    async def owner(self, digest: str) -> str:
        """Whose upload made the blob whole. Raises Refused: blob.missing."""
        return (await self._find(digest)).owner

    async def read(self, digest: str, offset: int) -> bytes:
        """The part of a whole blob that starts at `offset`. Raises Refused: blob.missing."""
        record = await self._find(digest)
        if offset not in offsets(record.size):
            raise Refused("blob.missing", f"No part of {digest} starts at {offset}.")
        return await self._part(digest, record.owner, offset)

    async def write(self, digest: str, offset: int, total: int, part: bytes, owner: str) -> None:
        """Store one part of an owner's upload. Raises Refused: blob.oversized, blob.mismatch."""
        check_part(offset, total, part)
        if not await self.has(digest):
            await self._store(_part_subject(owner, digest, offset), part)

    async def missing(self, digest: str, total: int, owner: str) -> list[int]:
        """The offsets of the parts that the owner has still to write; none if the blob is whole."""
        check_total(total)
        if await self.has(digest):
            return []
        there = await self._subjects(_part_subject(owner, digest))
        return [offset for offset in offsets(total) if _part_subject(owner, digest, offset) not in there]

    async def seal(self, digest: str, total: int, owner: str) -> None:
        """Make the blob whole after all its parts. Raises Refused: blob.missing (a part), blob.mismatch."""
        check_total(total)
        if await self.has(digest):
            return
        record = BlobRecord(total, owner)
        found, sha256, size = blake3(), hashlib.sha256(), 0
        async for part in self._parts(digest, record):
            found.update(part)
            sha256.update(part)
            size += len(part)
        if found.hexdigest() != digest or size != total:
            raise Refused("blob.mismatch", f"The parts of {digest} make {size} bytes of {found.hexdigest()}.")
        await self._record(digest, record, sha256.digest())

    async def _find(self, digest: str) -> BlobRecord:
        if (record := await self._look_up(digest)) is None:
            raise Refused("blob.missing", f"{digest}.")
        return record

    async def _look_up(self, digest: str) -> BlobRecord | None:
        if digest not in self._records:
            raw = await self._last(_record_subject(digest))
            if raw is None:
                return None
            # Whole blobs never change, so what is known of one stays true; the oldest is forgotten to make room.
            if len(self._records) >= RECORDS_KEPT_MAX:
                self._records.pop(next(iter(self._records)))
            said = json.loads(raw)
            self._records[digest] = BlobRecord(said["size"], said["nuid"].partition(".")[0])
        return self._records[digest]

    def _parts(self, digest: str, record: BlobRecord) -> AsyncIterator[bytes]:
        return in_turn(partial(self._part, digest, record.owner, offset) for offset in offsets(record.size))

    async def _part(self, digest: str, owner: str, offset: int) -> bytes:
        part = await self._last(_part_subject(owner, digest, offset))
        if part is None:
            raise Refused("blob.missing", f"The part of {digest} at {offset}.")
        return part

    async def _last(self, subject: str) -> bytes | None:
        """The last message of a subject. Any replica answers a direct get; only the leader knows that there is none."""
        with typed_faults(BLOB_STREAM):
            answer = await self._nc.request(f"{PREFIX}.DIRECT.GET.{BLOB_STREAM}.{subject}", timeout=BLOB_TIMEOUT_S)
        if not _is_missing(answer):
            return answer.data
        try:
            said = await call(self._nc, f"STREAM.MSG.GET.{BLOB_STREAM}", {"last_by_subj": subject})
        except ServerRefused as error:
            if error.err_code != NO_MESSAGE:
                raise
            return None
        return base64.b64decode(said["message"].get("data", ""))

    async def _subjects(self, filter_: str) -> set[str]:
        found: set[str] = set()
        while True:
            body = {"subjects_filter": filter_, "offset": len(found)}
            said = await call(self._nc, f"STREAM.INFO.{BLOB_STREAM}", body)
            page = said["state"].get("subjects") or {}
            found.update(page)
            if not page or len(found) >= said.get("total", 0):
                return found

    async def _store(self, subject: str, data: bytes, headers: dict[str, str] | None = None) -> None:
        try:
            await request(self._nc, subject, data, headers, BLOB_TIMEOUT_S)
        except ServerRefused as error:
            raise Retry(str(error), RETRY_S) from error

    async def _record(self, digest: str, record: BlobRecord, sha256: bytes) -> None:
        said: dict[str, Any] = {
            "name": digest,
            "bucket": BUCKET,
            "nuid": f"{record.owner}.{digest}.*",
            "size": record.size,
            "chunks": len(offsets(record.size)),
            "digest": f"SHA-256={base64.urlsafe_b64encode(sha256).decode()}",
            "mtime": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "options": {"max_chunk_size": PART_BYTES},
        }
        await self._store(_record_subject(digest), json.dumps(said).encode(), {"Nats-Rollup": "sub"})


async def _digest_of(data: bytes) -> str:
    # BLAKE3 lets other threads run meanwhile; below this size a thread costs more than it spares the loop.
    return blob_digest(data) if len(data) <= HASH_INLINE_BYTES_MAX else await asyncio.to_thread(blob_digest, data)


def _part_subject(owner: str, digest: str, offset: int | None = None) -> str:
    index = "*" if offset is None else str(offset // PART_BYTES)
    return f"$O.{BUCKET}.C.{owner}.{digest}.{index}"


def _record_subject(digest: str) -> str:
    return f"$O.{BUCKET}.M.{base64.urlsafe_b64encode(digest.encode()).decode()}"


def _is_missing(answer: Msg) -> bool:
    return bool(answer.headers) and (answer.headers or {}).get("Status") == "404"
