"""How blobs pass the gateway: parts upwards as requests on `ingest.blob.<digest>`, downwards as answers on `ask.blob`.

Both sides stand here, so that they cannot drift apart. Every request may be sent again: it changes nothing.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from assay.bus.content import Content, Data, content_of
from assay.bus.layout import Run, read_runs, runs_of, write_runs
from assay.bus.parts import (
    BLOB_BYTES_MAX,
    PART_BYTES,
    all_of,
    check_digest,
    check_part,
    check_total,
    in_turn,
    offsets,
)
from assay.bus.port import Answer, Base, BlobStore, Message
from assay.bus.saving import whole
from assay.proof.digest import blob_digest
from assay.proof.slices import Slice, check_range, open_slice
from assay.schema.errors import Refused, Retry, Unreachable

OFFSET_HEADER: Final = "blob-offset"
TOTAL_HEADER: Final = "blob-total"
SEAL_HEADER: Final = "blob-seal"
BASE_HEADER: Final = "blob-base"
RUNS_HEADER: Final = "blob-runs"
# Of so many uploads it is known which part was what, so that the next may borrow: 32 bytes for each part.
UPLOADS_KEPT_MAX: Final = 32
# A lost answer never comes, so the first try is short; a slow line gets its time by the later ones.
FIRST_TRY_S: Final = 5.0
SEALED_BYTES_PER_S: Final = 8 * 2**20
"""What a store makes of a blob at least while it reads all of it: when it is sealed, and for its first slice."""
TRIES: Final = 5
TRY_AGAIN_S: Final = 1.0
# So often is waited for one's turn: a large blob is more parts than may be asked for at once, slices are for few.
PATIENCE: Final = 60

T = TypeVar("T")
Sent = Callable[[int], object]
"""Is told the bytes of each part that has been sent."""


class Asker(Protocol):
    """Whoever can ask on a subject."""

    async def ask(
        self, subject: str, data: bytes, headers: Mapping[str, str] | None = None, timeout_s: float = FIRST_TRY_S
    ) -> Message: ...


async def take_part(store: BlobStore, owner: str, digest: str, message: Message) -> Answer:
    """The answer to `ingest.<owner>.blob.<digest>`: stores the part; the last one makes the blob whole."""
    try:
        offset, total = int(message.headers[OFFSET_HEADER]), int(message.headers[TOTAL_HEADER])
    except (KeyError, ValueError):
        raise Refused("event.malformed", f"header: {OFFSET_HEADER} and {TOTAL_HEADER} must be numbers.") from None
    if SEAL_HEADER in message.headers and offset == 0 and total == len(message.data):
        await store.keep(check_digest(digest), message.data, owner)
        return b""
    await store.write(check_digest(digest), offset, total, message.data, owner)
    if SEAL_HEADER in message.headers:
        await store.seal(digest, total, owner, base_of(message.headers))
    return b""


def base_of(headers: Mapping[str, str]) -> Base | None:
    """What the uploader says that its blob borrows, if it does. Raises Refused, event.malformed."""
    if BASE_HEADER not in headers:
        return None
    return check_digest(headers[BASE_HEADER]), read_runs(headers.get(RUNS_HEADER, ""))


async def give_part(store: BlobStore, asker: str, body: Mapping[str, Any], is_told: bool) -> Answer:
    """The answer to `ask.<asker>.blob`: with an `offset` the part there; else, as JSON, the `size` of the whole blob or
    null, and for a `total` what the asker has still to upload.

    A blob is there for whom it `is_told`, and for who uploaded it. Raises Refused: blob.missing, for others too.
    """
    digest, offset, total = check_digest(body.get("digest")), body.get("offset"), body.get("total")
    if isinstance(offset, int):
        await check_reader(store, asker, digest, is_told)
        return {TOTAL_HEADER: str(await store.size(digest))}, await store.read(digest, offset)
    is_there = await (store.has(digest) if is_told else store.holds(asker, digest))
    size = await store.size(digest) if is_there else None
    left = await store.missing(digest, total, asker) if isinstance(total, int) else []
    return json.dumps({"size": size, "missing": left}).encode()


async def check_reader(store: BlobStore, asker: str, digest: str, is_told: bool) -> None:
    """Raises Refused, blob.missing, unless the blob is there for whoever asks."""
    if not (is_told or await store.holds(asker, digest)):
        raise Refused("blob.missing", f"{digest}.")


class DoorBlobs:
    """The blobs as a participant reaches them."""

    def __init__(self, line: Asker) -> None:
        self._line = line
        self._uploads: dict[str, list[bytes]] = {}

    async def put(self, data: Data, base: str | None = None, sent: Sent | None = None) -> str:
        """The digest of the data, which is stored when this returns; a broken upload goes on where it ended.

        Of what this door has put as `base` before, the parts that are the same do not travel again. Of a file a few
        parts are in memory at a time. Raises Refused, blob.mismatch, for one that is changed meanwhile.
        """
        with content_of(data) as content:
            check_total(content.size)
            digest = await content.digest()
            if content.size <= PART_BYTES:
                await self._seal(digest, content, {})
                return digest
            state = await self._state(digest, content.size)
            parts = await content.digests()
            if state["size"] is None:
                runs = runs_of(parts, self._uploads.get(base or "", []))
                await self._upload(digest, content, set(state["missing"]), base, runs, sent)
        self._remember(digest, parts)
        return digest

    async def _upload(
        self, digest: str, data: Content, missing: set[int], base: str | None, runs: list[Run], sent: Sent | None
    ) -> None:
        """Send what is missing, without what is borrowed; if the store lends nothing, that too."""
        lent = {(at + k) * PART_BYTES for at, _, count in runs for k in range(count)}
        if base and lent:
            await self._send_parts(digest, data, missing - lent, sent)
            try:
                await self._seal(digest, data, {BASE_HEADER: base, RUNS_HEADER: write_runs(runs)})
                return
            except Refused:
                missing = lent & missing
        await self._send_parts(digest, data, missing, sent)
        await self._seal(digest, data, {})

    async def _send_parts(self, digest: str, data: Content, chosen: set[int], sent: Sent | None) -> None:
        async def send(offset: int) -> None:
            await self._send(digest, offset, data.size, bytes(data.part(offset)), {})
            if sent:
                sent(PART_BYTES)

        await all_of(partial(send, offset) for offset in offsets(data.size)[:-1] if offset in chosen)

    async def _seal(self, digest: str, data: Content, base: dict[str, str]) -> None:
        last = offsets(data.size)[-1]
        await self._send(digest, last, data.size, bytes(data.part(last)), {SEAL_HEADER: "1", **base})

    def _remember(self, digest: str, parts: list[bytes]) -> None:
        if len(self._uploads) >= UPLOADS_KEPT_MAX:
            self._uploads.pop(next(iter(self._uploads)))
        self._uploads[digest] = parts

    async def get(self, digest: str) -> bytes:
        """The data, checked against the digest. Raises Refused: blob.missing, blob.mismatch."""
        data = b"".join([part async for part in self._parts(digest, 0)])
        if await asyncio.to_thread(blob_digest, data) != digest:
            raise Refused("blob.mismatch", f"What came for {digest} is something else.")
        return data

    async def save(self, digest: str, path: Path) -> None:
        """Write the blob to a file, checked on the way against the digest; one that has its beginning is gone on with.

        A few parts are held in memory at a time. Raises Refused: blob.missing, blob.mismatch; then there is no file.
        """
        begun = _begun(path)
        try:
            async with whole(path, digest, begun) as take:
                async for part in self._parts(digest, begun):
                    take(part)
        except Refused as refusal:
            if not begun or refusal.code != "blob.mismatch":
                raise
            # What lay there was the beginning of something else.
            await self.save(digest, path)

    async def _parts(self, digest: str, begun: int) -> AsyncIterator[bytes]:
        """The parts from an offset on, each as long as it has to be: the size that the first one tells stays."""
        first = await self._ask_part(digest, begun)
        total = _total_of(first, digest)
        check_part(begun, total, first.data)
        yield first.data
        rest = (offset for offset in offsets(total) if offset > begun)
        async for part in in_turn(partial(self._part, digest, total, offset) for offset in rest):
            yield part

    async def _part(self, digest: str, total: int, offset: int) -> bytes:
        message = await self._ask_part(digest, offset)
        if _total_of(message, digest) != total:
            raise Refused("blob.mismatch", f"The size of {digest} changes on the way.")
        check_part(offset, total, message.data)
        return message.data

    async def slice(self, digest: str, start: int, length: int) -> Slice:
        """What stands at a place of the blob, and its size, both proven against the digest; the rest does not travel.

        Of a large blob it may take a minute. Raises Refused: slice.range, slice.unproven, blob.missing, blob.oversized.
        """
        total, found = await self.size(digest), list[Slice]()
        check_range(total, start, length)
        end = start + length
        while start < end:
            # One part each, for the store reads whole parts.
            upto = min(end, (start // PART_BYTES + 1) * PART_BYTES)
            found.append(await self._slice(digest, start, upto - start, total))
            start = upto
        return Slice(found[0].total, b"".join(each.data for each in found))

    async def _slice(self, digest: str, start: int, length: int, total: int) -> Slice:
        body = json.dumps({"digest": digest, "offset": start, "length": length}).encode()
        first_s = FIRST_TRY_S + total / SEALED_BYTES_PER_S
        answer = await patiently(partial(self._line.ask, "ask.blob", body, None), first_s)
        return await asyncio.to_thread(open_slice, digest, start, length, answer.data)

    async def has(self, digest: str) -> bool:
        """Whether the whole blob is stored, and may be read here."""
        return (await self._state(digest))["size"] is not None

    async def size(self, digest: str) -> int:
        """How many bytes the blob has. Raises Refused: blob.missing."""
        size = (await self._state(digest))["size"]
        if not isinstance(size, int):
            raise Refused("blob.missing", f"{digest}.")
        return size

    async def _state(self, digest: str, total: int | None = None) -> dict[str, Any]:
        body = json.dumps({"digest": digest, "total": total}).encode()
        answer = await patiently(partial(self._line.ask, "ask.blob", body, None))
        state: dict[str, Any] = json.loads(answer.data)
        return state

    async def _ask_part(self, digest: str, offset: int) -> Message:
        body = json.dumps({"digest": digest, "offset": offset}).encode()
        return await patiently(partial(self._line.ask, "ask.blob", body, None))

    async def _send(self, digest: str, offset: int, total: int, part: bytes, headers: Mapping[str, str]) -> None:
        place = {**headers, OFFSET_HEADER: str(offset), TOTAL_HEADER: str(total)}
        first_s = FIRST_TRY_S + (total / SEALED_BYTES_PER_S if headers else 0)
        await patiently(partial(self._line.ask, f"ingest.blob.{digest}", part, place), first_s)


def _begun(path: Path) -> int:
    """How much of a broken download is kept: whole parts, but for the last, so that there is one to ask for."""
    return max(0, path.stat().st_size // PART_BYTES - 1) * PART_BYTES if path.exists() else 0


def _total_of(message: Message, digest: str) -> int:
    text = message.headers.get(TOTAL_HEADER, "")
    if not text.isdecimal() or len(text) > len(str(BLOB_BYTES_MAX)):
        raise Refused("blob.mismatch", f"What came for {digest} is something else.")
    check_total(int(text))
    return int(text)


async def patiently(ask: Callable[[float], Awaitable[T]], first_s: float = FIRST_TRY_S) -> T:
    """As `again`, once it is one's turn: who asks for much is told to wait. Raises Refused: rate.exceeded, at last."""
    for _ in range(PATIENCE):
        try:
            return await again(ask, first_s)
        except Refused as refusal:
            if refusal.code != "rate.exceeded":
                raise
            wait_s = refusal.fields.get("retry_after_s")
            await asyncio.sleep(wait_s if isinstance(wait_s, float) else TRY_AGAIN_S)
    raise Refused("rate.exceeded", f"{PATIENCE} times.")


async def again(ask: Callable[[float], Awaitable[T]], first_s: float = FIRST_TRY_S) -> T:
    """The answer, if need be to a later try with twice the time: a blob outlives a lost connection or gateway."""
    for turn in range(TRIES - 1):
        try:
            return await ask(first_s * 2**turn)
        except (Retry, Unreachable):
            await asyncio.sleep(TRY_AGAIN_S)
    return await ask(first_s * 2 ** (TRIES - 1))
