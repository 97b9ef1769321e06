"""Blobs in a JetStream Object Store bucket: a part has a subject of its own, `$O.BLOBS.C.<owner>.<digest>.<index>`, so
that any of them is read with one direct get. (The reader of nats-py takes quadratic time: docs/adr has the figures.)
Small ones that are kept at the same time share a write to the server's disk.
"""

import asyncio
import base64
import uuid
from collections.abc import Collection
from functools import partial
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg

from assay.bus.api import PREFIX, ServerRefused, call, request
from assay.bus.faults import RETRY_S, typed_faults
from assay.bus.parts import all_of
from assay.bus.port import Record
from assay.bus.publisher import SINGLES_MAX, publish_batch
from assay.bus.streams import BLOB_STREAM, BUCKET
from assay.schema.errors import Retry

BLOB_TIMEOUT_S: Final = 10.0
NO_MESSAGE: Final = 10037
# That there is a message of the subject already.
NOT_FIRST: Final = 10071
ONLY_FIRST: Final = {"Nats-Expected-Last-Subject-Sequence": "0"}
# A larger part is most of a write by itself.
SMALL_BYTES_MAX: Final = 64 * 1024
TOGETHER_MAX: Final = 128


class NatsKeeper:
    """The keeper over a connection of the core account."""

    def __init__(self, nc: Client) -> None:
        self._nc = nc
        self._waiting: dict[str, tuple[bytes, asyncio.Future[bool]]] = {}
        self._writing: asyncio.Task[None] | None = None

    async def part(self, owner: str, digest: str, index: int) -> bytes | None:
        """The part, if it is kept."""
        return await self._last(_part_subject(owner, digest, index))

    async def keep_part(self, owner: str, digest: str, index: int, data: bytes) -> bool:
        """Whether this part is the first at its place, and kept. Raises Retry."""
        return await self._store(_part_subject(owner, digest, index), data)

    async def kept(self, owner: str, digest: str) -> set[int]:
        """Which parts of an upload are kept."""
        found: set[int] = set()
        while True:
            body = {"subjects_filter": _part_subject(owner, digest, "*"), "offset": len(found)}
            said = await call(self._nc, f"STREAM.INFO.{BLOB_STREAM}", body)
            page = said["state"].get("subjects") or {}
            found.update(int(subject.rpartition(".")[2]) for subject in page)
            if not page or len(found) >= said.get("total", 0):
                return found

    async def record(self, name: str) -> bytes | None:
        """The record of this name, if it is kept."""
        return await self._last(_record_subject(name))

    async def keep_record(self, name: str, record: bytes) -> bool:
        """Whether this record is the first of its name, and kept. Raises Retry."""
        return await self._store(_record_subject(name), record)

    async def drop_parts(self, owner: str, digest: str, indexes: Collection[int] | None) -> None:
        """Delete these parts of an upload, or all; what is not there is not missed. Raises Retry."""
        places: Collection[int | str] = ("*",) if indexes is None else indexes
        await all_of(partial(self._purge, _part_subject(owner, digest, at)) for at in places)

    async def drop_record(self, name: str) -> None:
        """Delete the record of this name, if there is one. Raises Retry."""
        await self._purge(_record_subject(name))

    async def _purge(self, subject: str) -> None:
        await call(self._nc, f"STREAM.PURGE.{BLOB_STREAM}", {"filter": subject})

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

    async def _store(self, subject: str, data: bytes) -> bool:
        """Whether it is the first of its subject, and kept."""
        if len(data) > SMALL_BYTES_MAX:
            return await self._store_alone(subject, data)
        while waiting := self._waiting.get(subject):
            await asyncio.wait([waiting[1]])
        kept = asyncio.get_running_loop().create_future()
        self._waiting[subject] = data, kept
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await asyncio.shield(kept)

    async def _store_alone(self, subject: str, data: bytes) -> bool:
        try:
            await request(self._nc, subject, data, ONLY_FIRST, BLOB_TIMEOUT_S)
        except ServerRefused as error:
            if error.err_code != NOT_FIRST:
                raise Retry(str(error), RETRY_S) from error
            return False
        return True

    async def _write(self) -> None:
        """Write what waits, and what comes meanwhile after that."""
        while some := dict(list(self._waiting.items())[:TOGETHER_MAX]):
            ends = await self._write_together({subject: data for subject, (data, _) in some.items()})
            for (subject, (_, kept)), end in zip(some.items(), ends, strict=True):
                del self._waiting[subject]
                if isinstance(end, BaseException):
                    kept.set_exception(end)
                else:
                    kept.set_result(end)

    async def _write_together(self, some: dict[str, bytes]) -> list[bool | BaseException]:
        """What became of each. If one of many is not the first of its subject, each finds out by itself."""
        if len(some) > SINGLES_MAX:
            try:
                await publish_batch(self._nc, [Record(uuid.uuid4().hex, name, ONLY_FIRST, some[name]) for name in some])
                return [True] * len(some)
            except Retry:
                pass
        alone = (self._store_alone(subject, data) for subject, data in some.items())
        return await asyncio.gather(*alone, return_exceptions=True)


def _part_subject(owner: str, digest: str, index: int | str) -> str:
    return f"$O.{BUCKET}.C.{owner}.{digest}.{index}"


def _record_subject(name: str) -> str:
    return f"$O.{BUCKET}.M.{base64.urlsafe_b64encode(name.encode()).decode()}"


def _is_missing(answer: Msg) -> bool:
    return bool(answer.headers) and (answer.headers or {}).get("Status") == "404"
