"""How blobs pass the gateway: parts upwards as requests on `ingest.blob.<digest>`, downwards as answers on `ask.blob`.

Both sides stand here, so that they cannot drift apart. Every request may be sent again: it changes nothing.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from assay.bus.parts import all_of, check_digest, check_total, cut, in_turn, offsets
from assay.bus.port import Answer, BlobStore, Message
from assay.proof.digest import blob_digest
from assay.schema.errors import Refused, Retry, Unreachable

OFFSET_HEADER: Final = "blob-offset"
TOTAL_HEADER: Final = "blob-total"
SEAL_HEADER: Final = "blob-seal"
# A lost answer never comes, so the first try is short; a slow line gets its time by the later ones.
FIRST_TRY_S: Final = 5.0
SEALED_BYTES_PER_S: Final = 8 * 2**20
TRIES: Final = 5
TRY_AGAIN_S: Final = 1.0

T = TypeVar("T")


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
        await store.seal(digest, total, owner)
    return b""


async def give_part(store: BlobStore, asker: str, body: Mapping[str, Any], is_told: bool) -> Answer:
    """The answer to `ask.<asker>.blob`: with an `offset` the part there; else, as JSON, the `size` of the whole blob or
    null, and for a `total` what the asker has still to upload.

    Parts are given to whom the blob `is_told`, and to its owner. Raises Refused: blob.missing, for others too.
    """
    digest, offset, total = check_digest(body.get("digest")), body.get("offset"), body.get("total")
    if isinstance(offset, int):
        if not is_told and await store.owner(digest) != asker:
            raise Refused("blob.missing", f"{digest}.")
        return {TOTAL_HEADER: str(await store.size(digest))}, await store.read(digest, offset)
    size = await store.size(digest) if await store.has(digest) else None
    left = await store.missing(digest, total, asker) if isinstance(total, int) else []
    return json.dumps({"size": size, "missing": left}).encode()


class DoorBlobs:
    """The blobs as a participant reaches them."""

    def __init__(self, line: Asker) -> None:
        self._line = line

    async def put(self, data: bytes) -> str:
        """The digest of the data, which is stored when this returns; a broken upload goes on where it ended."""
        check_total(len(data))
        digest = await asyncio.to_thread(blob_digest, data)
        parts = list(cut(data))
        if len(parts) > 1:
            state = await self._state(digest, len(data))
            if state["size"] is not None:
                return digest
            left = set(state["missing"])
            await all_of(
                partial(self._send, digest, offset, len(data), bytes(part), {})
                for offset, part in parts[:-1]
                if offset in left
            )
        offset, last = parts[-1]
        await self._send(digest, offset, len(data), bytes(last), {SEAL_HEADER: "1"})
        return digest

    async def get(self, digest: str) -> bytes:
        """The data, checked against the digest. Raises Refused: blob.missing, blob.mismatch."""
        first = await self._ask_part(digest, 0)
        asks = [partial(self._ask_part, digest, offset) for offset in offsets(int(first.headers[TOTAL_HEADER]))[1:]]
        data = b"".join([first.data, *[part.data async for part in in_turn(asks)]])
        if await asyncio.to_thread(blob_digest, data) != digest:
            raise Refused("blob.mismatch", f"What came for {digest} is something else.")
        return data

    async def has(self, digest: str) -> bool:
        """Whether the whole blob is stored."""
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


async def again(ask: Callable[[float], Awaitable[T]], first_s: float = FIRST_TRY_S) -> T:
    """The answer, if need be to a later try with twice the time: a blob outlives a lost connection or gateway."""
    for turn in range(TRIES - 1):
        try:
            return await ask(first_s * 2**turn)
        except (Retry, Unreachable):
            await asyncio.sleep(TRY_AGAIN_S)
    return await ask(first_s * 2 ** (TRIES - 1))
