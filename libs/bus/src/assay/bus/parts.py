"""How a blob is cut for the wire: parts of equal size, each at a multiple of it; an empty blob is one empty part."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Final, TypeVar

from assay.schema.errors import Refused

PART_BYTES: Final = 512 * 1024
BLOB_BYTES_MAX: Final = 4 * 2**30
PARTS_IN_FLIGHT: Final = 8
DIGEST: Final = re.compile("[0-9a-f]{64}")

T = TypeVar("T")


def offsets(total: int) -> range:
    """Where the parts of a blob of `total` bytes start."""
    return range(0, max(total, 1), PART_BYTES)


def check_digest(digest: object) -> str:
    """The digest, if it is one; it becomes a token of a subject. Raises Refused, event.malformed."""
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise Refused("event.malformed", "digest: 64 hex digits are needed.")
    return digest


def check_total(total: int) -> None:
    """Raises Refused, blob.oversized, for a size that no blob may have."""
    if not 0 <= total <= BLOB_BYTES_MAX:
        raise Refused("blob.oversized", f"{total} of at most {BLOB_BYTES_MAX} bytes.")


def check_part(offset: int, total: int, part: bytes) -> None:
    """Raises Refused if such a part cannot lie there: blob.oversized, blob.mismatch."""
    check_total(total)
    if offset not in offsets(total) or len(part) != min(PART_BYTES, total - offset):
        raise Refused("blob.mismatch", f"{len(part)} bytes at {offset} are no part of a blob of {total}.")


async def in_turn(asks: Iterable[Callable[[], Awaitable[T]]], at_once: int = PARTS_IN_FLIGHT) -> AsyncIterator[T]:
    """The answers in the order of the questions, of which a few are under way ahead."""
    rest, under_way = iter(asks), list[asyncio.Future[T]]()
    try:
        while True:
            while len(under_way) < at_once and (ask := next(rest, None)) is not None:
                under_way.append(asyncio.ensure_future(ask()))
            if not under_way:
                return
            yield await under_way.pop(0)
    finally:
        for left in under_way:
            left.cancel()


async def all_of(asks: Iterable[Callable[[], Awaitable[object]]], at_once: int = PARTS_IN_FLIGHT) -> None:
    """Does them all, a few at once; the first error ends it."""
    async for _ in in_turn(asks, at_once):
        pass
