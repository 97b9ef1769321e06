"""How blobs pass the gateway: parts upwards as requests on `ingest.blob.<digest>`, downwards as answers on `ask.blob`.

Both sides stand here, so that they cannot drift apart. Every request may be sent again: it changes nothing.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from blake3 import blake3

from assay.bus.layout import Run, read_runs, runs_of, write_runs
from assay.bus.parts import BLOB_BYTES_MAX, PART_BYTES, all_of, check_digest, check_total, cut, in_turn, offsets
from assay.bus.port import Answer, Base, BlobStore, Message
from assay.proof.digest import blob_digest
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
TRIES: Final = 5
TRY_AGAIN_S: Final = 1.0

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
        if not (is_told or await store.holds(asker, digest)):
            raise Refused("blob.missing", f"{digest}.")
        return {TOTAL_HEADER: str(await store.size(digest))}, await store.read(digest, offset)
    is_there = await (store.has(digest) if is_told else store.holds(asker, digest))
    size = await store.size(digest) if is_there else None
    left = await store.missing(digest, total, asker) if isinstance(total, int) else []
    return json.dumps({"size": size, "missing": left}).encode()


class DoorBlobs:
    """The blobs as a participant reaches them."""

    def __init__(self, line: Asker) -> None:
        self._line = line
        self._uploads: dict[str, list[bytes]] = {}

    async def put(self, data: bytes, base: str | None = None, sent: Sent | None = None) -> str:
        """The digest of the data, which is stored when this returns; a broken upload goes on where it ended.

        Of what this door has put as `base` before, the parts that are the same do not travel again.
        """
        check_total(len(data))
        digest = await asyncio.to_thread(blob_digest, data)
        if len(data) <= PART_BYTES:
            await self._send(digest, 0, len(data), bytes(data), {SEAL_HEADER: "1"})
            return digest
        state = await self._state(digest, len(data))
        parts = await asyncio.to_thread(_digests, data)
        if state["size"] is None:
            runs = runs_of(parts, self._uploads.get(base or "", []))
            await self._upload(digest, data, set(state["missing"]), base, runs, sent)
        self._remember(digest, parts)
        return digest

    async def _upload(
        self, digest: str, data: bytes, missing: set[int], base: str | None, runs: list[Run], sent: Sent | None
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

    async def _send_parts(self, digest: str, data: bytes, chosen: set[int], sent: Sent | None) -> None:
        async def send(offset: int, part: memoryview) -> None:
            await self._send(digest, offset, len(data), bytes(part), {})
            if sent:
                sent(len(part))

        await all_of(partial(send, offset, part) for offset, part in list(cut(data))[:-1] if offset in chosen)

    async def _seal(self, digest: str, data: bytes, base: dict[str, str]) -> None:
        last = offsets(len(data))[-1]
        await self._send(digest, last, len(data), data[last:], {SEAL_HEADER: "1", **base})

    def _remember(self, digest: str, parts: list[bytes]) -> None:
        if len(self._uploads) >= UPLOADS_KEPT_MAX:
            self._uploads.pop(next(iter(self._uploads)))
        self._uploads[digest] = parts

    async def get(self, digest: str) -> bytes:
        """The data, checked against the digest. Raises Refused: blob.missing, blob.mismatch."""
        first = await self._ask_part(digest, 0)
        asks = [partial(self._ask_part, digest, offset) for offset in offsets(_total_of(first, digest))[1:]]
        data = b"".join([first.data, *[part.data async for part in in_turn(asks)]])
        if await asyncio.to_thread(blob_digest, data) != digest:
            raise Refused("blob.mismatch", f"What came for {digest} is something else.")
        return data

    async def save(self, digest: str, path: Path) -> None:
        """Write the blob to a file, checked on the way against the digest; one that has its beginning is gone on with.

        A few parts are held in memory at a time. Raises Refused: blob.missing, blob.mismatch; then there is no file.
        """
        begun = _begun(path)
        with path.open("r+b" if begun else "wb") as file:
            found = blake3()
            while file.tell() < begun:
                found.update(file.read(PART_BYTES))
            file.truncate(begun)
            first = await self._ask_part(digest, begun)
            found.update(first.data)
            file.write(first.data)
            rest = [offset for offset in offsets(_total_of(first, digest)) if offset > begun]
            async for message in in_turn(partial(self._ask_part, digest, offset) for offset in rest):
                found.update(message.data)
                file.write(message.data)
        if found.hexdigest() != digest:
            path.unlink()
            if not begun:
                raise Refused("blob.mismatch", f"What came for {digest} is something else.")
            await self.save(digest, path)

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
        answer = await again(partial(self._line.ask, "ask.blob", body, None))
        state: dict[str, Any] = json.loads(answer.data)
        return state

    async def _ask_part(self, digest: str, offset: int) -> Message:
        body = json.dumps({"digest": digest, "offset": offset}).encode()
        return await again(partial(self._line.ask, "ask.blob", body, None))

    async def _send(self, digest: str, offset: int, total: int, part: bytes, headers: Mapping[str, str]) -> None:
        place = {**headers, OFFSET_HEADER: str(offset), TOTAL_HEADER: str(total)}
        first_s = FIRST_TRY_S + (total / SEALED_BYTES_PER_S if headers else 0)
        await again(partial(self._line.ask, f"ingest.blob.{digest}", part, place), first_s)


def _begun(path: Path) -> int:
    """How much of a broken download is kept: whole parts, but for the last, so that there is one to ask for."""
    return max(0, path.stat().st_size // PART_BYTES - 1) * PART_BYTES if path.exists() else 0


def _total_of(message: Message, digest: str) -> int:
    text = message.headers.get(TOTAL_HEADER, "")
    if not text.isdecimal() or len(text) > len(str(BLOB_BYTES_MAX)):
        raise Refused("blob.mismatch", f"What came for {digest} is something else.")
    check_total(int(text))
    return int(text)


def _digests(data: bytes) -> list[bytes]:
    return [blake3(part).digest() for _, part in cut(data)]


async def again(ask: Callable[[float], Awaitable[T]], first_s: float = FIRST_TRY_S) -> T:
    """The answer, if need be to a later try with twice the time: a blob outlives a lost connection or gateway."""
    for turn in range(TRIES - 1):
        try:
            return await ask(first_s * 2**turn)
        except (Retry, Unreachable):
            await asyncio.sleep(TRY_AGAIN_S)
    return await ask(first_s * 2 ** (TRIES - 1))
