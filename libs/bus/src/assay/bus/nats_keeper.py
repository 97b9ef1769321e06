"""Blobs in a JetStream Object Store bucket and lanes beside it: a part has a subject of its own, so that any of them is
read with one direct get. (The reader of nats-py takes quadratic time: docs/adr has the figures.) A stream syncs each
message before it takes the next one, so the parts of a blob go to as many streams as are written at a time: the first,
which is all that most blobs have, to the bucket, `$O.BLOBS.C.<owner>.<digest>.<index>`, the next to the first lane.
Small ones that are kept at the same time in the bucket share a write to the server's disk.
"""

import asyncio
import base64
import uuid
from collections.abc import Collection, Iterable
from functools import partial
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg

from assay.bus.api import PREFIX, ServerRefused, call, request
from assay.bus.faults import RETRY_S, typed_faults
from assay.bus.parts import all_of
from assay.bus.port import Record
from assay.bus.publisher import SINGLES_MAX, publish_batch
from assay.bus.streams import BUCKET, LANE_STREAMS, LANES, lane_subject
from assay.schema.errors import Retry

BLOB_TIMEOUT_S: Final = 10.0
NO_MESSAGE: Final = 10037
# That there is a message of the subject already.
NOT_FIRST: Final = 10071
ONLY_FIRST: Final = {"Nats-Expected-Last-Subject-Sequence": "0"}
# A larger part is most of a write by itself.
SMALL_BYTES_MAX: Final = 64 * 1024
TOGETHER_MAX: Final = 128
UPLOADS_MAX: Final = 1024


class NatsKeeper:
    """The keeper over a connection of the core account."""

    def __init__(self, nc: Client) -> None:
        self._nc = nc
        self._waiting: dict[str, tuple[bytes, asyncio.Future[bool]]] = {}
        self._writing: asyncio.Task[None] | None = None
        self._of_before: dict[tuple[str, str], set[int]] = {}

    async def part(self, owner: str, digest: str, index: int) -> bytes | None:
        """The part, if it is kept."""
        lane = index % LANES
        found = await self._last(lane, _part_subject(lane, owner, digest, index))
        # What was stored before there were lanes is in the bucket, for as long as blobs are kept.
        return found if found is not None or not lane else await self._last(0, _part_subject(0, owner, digest, index))

    async def keep_part(self, owner: str, digest: str, index: int, data: bytes) -> bool:
        """Whether this part is the first at its place, and kept. Raises Retry."""
        lane = index % LANES
        subject = _part_subject(lane, owner, digest, index)
        if not lane:
            return await self._store(subject, data)
        if await self._is_of_before(owner, digest, index):
            return False
        return await self._store_alone(subject, data)

    async def _is_of_before(self, owner: str, digest: str, index: int) -> bool:
        """Whether the bucket has the part, from before there were lanes; there come no more, so it is asked once."""
        upload = owner, digest
        if (found := self._of_before.get(upload)) is None:
            found = {index for index in await self._kept(0, owner, digest) if index % LANES}
            if len(self._of_before) >= UPLOADS_MAX:
                self._of_before.pop(next(iter(self._of_before)), None)
            self._of_before[upload] = found
        # What is remembered may have been let go.
        return index in found and await self._last(0, _part_subject(0, owner, digest, index)) is not None

    async def kept(self, owner: str, digest: str) -> set[int]:
        """Which parts of an upload are kept."""
        return set().union(*await asyncio.gather(*(self._kept(lane, owner, digest) for lane in range(LANES))))

    async def _kept(self, lane: int, owner: str, digest: str) -> set[int]:
        found: set[int] = set()
        while True:
            body = {"subjects_filter": _part_subject(lane, owner, digest, "*"), "offset": len(found)}
            said = await call(self._nc, f"STREAM.INFO.{LANE_STREAMS[lane]}", body)
            page = said["state"].get("subjects") or {}
            found.update(int(subject.rpartition(".")[2]) for subject in page)
            if not page or len(found) >= said.get("total", 0):
                return found

    async def record(self, name: str) -> bytes | None:
        """The record of this name, if it is kept."""
        return await self._last(0, _record_subject(name))

    async def keep_record(self, name: str, record: bytes) -> bool:
        """Whether this record is the first of its name, and kept. Raises Retry."""
        return await self._store(_record_subject(name), record)

    async def drop_parts(self, owner: str, digest: str, indexes: Collection[int] | None) -> None:
        """Delete these parts of an upload, or all; what is not there is not missed. Raises Retry."""
        chosen = [(lane, "*") for lane in range(LANES)] if indexes is None else places_of(indexes)
        await all_of(partial(self._purge, lane, _part_subject(lane, owner, digest, at)) for lane, at in chosen)

    async def drop_record(self, name: str) -> None:
        """Delete the record of this name, if there is one. Raises Retry."""
        await self._purge(0, _record_subject(name))

    async def _purge(self, lane: int, subject: str) -> None:
        await call(self._nc, f"STREAM.PURGE.{LANE_STREAMS[lane]}", {"filter": subject})

    async def _last(self, lane: int, subject: str) -> bytes | None:
        """The last message of a subject. Any replica answers a direct get; only the leader knows that there is none."""
        stream = LANE_STREAMS[lane]
        with typed_faults(stream):
            answer = await self._nc.request(f"{PREFIX}.DIRECT.GET.{stream}.{subject}", timeout=BLOB_TIMEOUT_S)
        if not _is_missing(answer):
            return answer.data
        try:
            said = await call(self._nc, f"STREAM.MSG.GET.{stream}", {"last_by_subj": subject})
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


def places_of(indexes: Iterable[int]) -> list[tuple[int, str]]:
    """Where parts may lie: in their lanes, or all in the bucket, from before there were lanes."""
    return [(lane, str(index)) for index in indexes for lane in sorted({0, index % LANES})]


def _part_subject(lane: int, owner: str, digest: str, index: int | str) -> str:
    return f"{lane_subject(lane)}.{owner}.{digest}.{index}"


def _record_subject(name: str) -> str:
    return f"$O.{BUCKET}.M.{base64.urlsafe_b64encode(name.encode()).decode()}"


def _is_missing(answer: Msg) -> bool:
    return bool(answer.headers) and (answer.headers or {}).get("Status") == "404"
