"""The core's side of the blobs: named by their BLAKE3 digest, kept in parts by a `keeper.Keeper`.

Any part is read by itself, a broken upload goes on where it ended, and no uploader can touch the parts of another. The
record is written last, after the digest is checked: what has one is whole. Its form is that of an object of the Object
Store, whose `nuid` is the wildcard over the parts; a blob that borrows parts of another says in its metadata where they
lie (`layout`), and a client that knows only the wildcard finds it incomplete. So with a blob in its record: what
services make is mostly small (receipts), and one write in place of two is half of what it costs to keep.

Who has the bytes uploads them, though another did before, and is told nothing else than if nobody had: then it holds
the blob as well, by a record of its own, `<owner>.<digest>`. What is read is what stood first; where that was let go,
the record of the next who is asked whether it holds the blob takes its place.
"""

import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final

from blake3 import blake3

from assay.bus.content import Content, Data, content_of
from assay.bus.keeper import Keeper
from assay.bus.layout import Layout, Stretch, borrowed, lent_by, own_layout, place
from assay.bus.parts import PART_BYTES, all_of, check_part, check_total, in_turn, offsets
from assay.bus.port import Base
from assay.bus.records import CORE_OWNER, BlobRecord, read_bytes, read_record, remember, renamed, write_record
from assay.bus.saving import whole
from assay.schema.errors import Refused
from assay.schema.streams import BLOB_AGE_S

# Up to this size what a service makes lies in its record.
IN_RECORD_BYTES_MAX: Final = 16 * 1024
# Parts asked for ahead: on a busy machine the way there and back is most of the time.
READ_AHEAD: Final = 24
# What is borrowed lives for at least half as long as what is new: longer than any audit of it can take.
BORROWED_AGE_S_MAX: Final = BLOB_AGE_S // 2


class StoredBlobs:
    """The blobs that a keeper keeps."""

    def __init__(self, keeper: Keeper, now: Callable[[], float] = time.time) -> None:
        self.keeper = keeper
        self._now = now
        self._records: dict[str, BlobRecord] = {}

    async def put(self, data: Data) -> str:
        """The digest of the data, which is stored when this returns; of a file a few parts are in memory at a time.

        What a service makes is new but after a crash, so nobody is asked first whether it is there.
        """
        with content_of(data) as content:
            digest = await content.digest()
            if digest not in self._records or not await self.holds(CORE_OWNER, digest):
                if content.size > IN_RECORD_BYTES_MAX:
                    await self._keep(digest, content, CORE_OWNER)
                else:
                    record = BlobRecord(content.size, CORE_OWNER, own_layout(digest, self._now_s()), has_bytes=True)
                    data = bytes(content.part(0))
                    await self._record(digest, record, hashlib.sha256(data).digest(), data)
        return digest

    async def keep(self, digest: str, data: bytes, owner: str) -> None:
        """Store a whole blob of an owner at once. Raises Refused: blob.oversized, blob.mismatch."""
        content = Content.of_bytes(data)
        if (found := await content.digest()) != digest:
            raise Refused("blob.mismatch", f"What came is {found}, not {digest}.")
        if await self._held(owner, digest) is None:
            await self._keep(digest, content, owner)

    async def _keep(self, digest: str, content: Content, owner: str) -> None:
        async def keep(offset: int) -> None:
            await self._keep_part(owner, digest, offset // PART_BYTES, bytes(content.part(offset)))

        check_total(content.size)
        await all_of(partial(keep, offset) for offset in offsets(content.size))
        sha256 = hashlib.sha256(content.part(0)).digest() if content.size <= PART_BYTES else None
        await self._record(digest, BlobRecord(content.size, owner, own_layout(digest, self._now_s())), sha256)

    async def _keep_part(self, owner: str, digest: str, index: int, part: bytes) -> None:
        is_first = await self.keeper.keep_part(owner, digest, index, part)
        if not is_first and await self.keeper.part(owner, digest, index) != part:
            raise Refused("blob.mismatch", f"Another part {index} of {digest} was uploaded before.")

    async def get(self, digest: str) -> bytes:
        """The data, checked against the digest. Raises Refused: blob.missing, blob.mismatch."""
        data = b"".join([part async for part in self._contents(digest)])
        if await Content.of_bytes(data).digest() != digest:
            raise Refused("blob.mismatch", f"The store's {digest} is damaged.")
        return data

    async def save(self, digest: str, path: Path) -> None:
        """As `get`, into a file: a few parts are in memory at a time. A refusal leaves no file."""
        async with whole(path, digest) as take:
            async for part in self._contents(digest):
                take(part)

    async def _contents(self, digest: str) -> AsyncIterator[bytes]:
        record = await self._find(digest, is_fresh=True)
        if record.has_bytes:
            yield await self._bytes(digest)
            return
        async for part in self._parts(record):
            yield part

    async def has(self, digest: str, is_fresh: bool = True) -> bool:
        """Whether the whole blob is stored: as the store says, or as remembered."""
        return await self._look_up(digest, is_fresh) is not None

    async def size(self, digest: str) -> int:
        """How many bytes the blob has. Raises Refused: blob.missing."""
        return (await self._find(digest)).size

    async def until_s(self, digest: str) -> int:
        """Until when the blob is kept, in seconds since 1970. Raises Refused: blob.missing."""
        return min(stretch.stored_s for stretch in (await self._find(digest)).layout) + BLOB_AGE_S

    async def holds(self, owner: str, digest: str, is_fresh: bool = True) -> bool:
        """Whether the owner uploaded the whole blob itself, and has not let it go: by the store, or as remembered."""
        return await self._held(owner, digest, is_fresh) is not None or await self._moved_up(owner, digest)

    def forget(self) -> None:
        """Ask the store again, whatever is remembered: something was let go elsewhere."""
        # What is on its way from the store may be of before: it is laid into the old ones.
        self._records = {}

    async def read(self, digest: str, offset: int) -> bytes:
        """The part of a whole blob that starts at `offset`. Raises Refused: blob.missing."""
        record = await self._find(digest)
        if offset not in offsets(record.size):
            raise Refused("blob.missing", f"No part of {digest} starts at {offset}.")
        if record.has_bytes:
            return await self._bytes(digest)
        try:
            return await self._part(record, offset)
        except Refused:
            # Another's copy may have taken the place of the one that is remembered.
            return await self._part(await self._find(digest, is_fresh=True), offset)

    async def write(self, digest: str, offset: int, total: int, part: bytes, owner: str) -> None:
        """Store one part of an owner's upload. Raises Refused: blob.oversized, blob.mismatch.

        The first at a place stays: what `seal` has read can change no more.
        """
        check_part(offset, total, part)
        if await self._held(owner, digest) is None:
            await self._keep_part(owner, digest, offset // PART_BYTES, part)

    async def missing(self, digest: str, total: int, owner: str) -> list[int]:
        """The offsets of the parts that the owner has still to write, whoever else wrote them; none if it holds all."""
        check_total(total)
        if await self.holds(owner, digest):
            return []
        there = await self.keeper.kept(owner, digest)
        return [offset for offset in offsets(total) if offset // PART_BYTES not in there]

    async def seal(self, digest: str, total: int, owner: str, base: Base | None = None) -> None:
        """Make the blob whole after all its parts, those apart that it borrows of another blob of the owner.

        Raises Refused: blob.missing (a part, or the base), blob.mismatch.
        """
        check_total(total)
        if await self.holds(owner, digest):
            return
        record = BlobRecord(total, owner, await self._laid(digest, total, owner, base))
        found, size, part = blake3(), 0, b""
        async for part in self._parts(record):
            found.update(part)
            size += len(part)
        if found.hexdigest() != digest or size != total:
            raise Refused("blob.mismatch", f"The parts of {digest} make {size} bytes of {found.hexdigest()}.")
        await self._record(digest, record, hashlib.sha256(part).digest() if total <= PART_BYTES else None)

    async def sources(self, owner: str, digest: str) -> set[str]:
        """The blobs that brought the parts of a blob of the owner. Raises Refused: blob.missing."""
        if (record := await self._held(owner, digest)) is None:
            raise Refused("blob.missing", f"{digest}.")
        return {stretch.source for stretch in record.layout}

    async def let_go(self, owner: str, digest: str, borrowers: Iterable[str] = ()) -> None:
        """Delete what the owner uploaded as this blob, but for parts that these other blobs of it borrow.

        The copy of another holder stays. May be repeated. Raises Retry.
        """
        # The records first: what has one is whole. A copy that took the first one's place has two.
        await self._drop_record(_own(owner, digest))
        first = await self._look_up(digest, is_fresh=True)
        if first is not None and first.owner == owner:
            await self._drop_record(digest)
            # Nobody asks for the core whether it holds what it made.
            await self._moved_up(CORE_OWNER, digest)
        records = [await self._held(owner, each) for each in borrowers]
        lent = {index for record in records if record for index in lent_by(digest, record.layout, record.size)}
        if None not in records:
            left = await self.keeper.kept(owner, digest) - lent if lent else None
            await self.keeper.drop_parts(owner, digest, left)

    async def _laid(self, digest: str, total: int, owner: str, base: Base | None) -> Layout:
        now_s = self._now_s()
        if base is None:
            return own_layout(digest, now_s)
        named, runs = base
        # Whoever knew the digest of another's blob could read it by borrowing all of it.
        if (lender := await self._held(owner, named)) is None:
            raise Refused("blob.missing", f"{named}.")
        own = Stretch(0, digest, 0, now_s)
        return borrowed(own, total, lender.layout, lender.size, runs, now_s - BORROWED_AGE_S_MAX)

    async def _find(self, digest: str, is_fresh: bool = False) -> BlobRecord:
        if (record := await self._look_up(digest, is_fresh)) is None:
            raise Refused("blob.missing", f"{digest}.")
        return record

    async def _held(self, owner: str, digest: str, is_fresh: bool = True) -> BlobRecord | None:
        first, own = await self._look_up(digest, is_fresh), _own(owner, digest)
        if first is None or first.owner == owner:
            return first
        if not is_fresh and own in self._records:
            return self._records[own]
        held = await self._look_up(own, is_fresh=True)
        if held and CORE_OWNER not in (owner, first.owner) and not await self._is_whole(first):
            await self._drop_record(digest)
            await self._moved_up(owner, digest)
        return held

    async def _moved_up(self, owner: str, digest: str) -> bool:
        """Whether the owner's copy is read from now on, because the first was let go."""
        raw = await self.keeper.record(_own(owner, digest))
        if raw is None or await self.keeper.record(digest) is not None:
            return False
        is_first = await self.keeper.keep_record(digest, renamed(raw, digest))
        if is_first and await self.keeper.record(_own(owner, digest)) is None:
            # It was let go meanwhile: a record without parts would stand before the copy of whoever comes next.
            await self._drop_record(digest)
            return False
        return True

    async def _is_whole(self, record: BlobRecord) -> bool:
        """Whether all parts are there: who uploads what it lets go may have left a record without them."""
        places = [place(record.layout, index) for index in range(len(offsets(record.size)))]
        kept = {source: await self.keeper.kept(record.owner, source) for source in {source for source, _ in places}}
        return all(index in kept[source] for source, index in places)

    async def _drop_record(self, name: str) -> None:
        await self.keeper.drop_record(name)
        self.forget()

    async def _look_up(self, name: str, is_fresh: bool = False) -> BlobRecord | None:
        """The record. What is remembered of another's may have been let go: `is_fresh` asks again."""
        records = self._records
        known = records.get(name)
        if known is None or (is_fresh and known.owner != CORE_OWNER):
            raw = await self.keeper.record(name)
            records.pop(name, None)
            if raw is None:
                return None
            known = read_record(name, raw)
            remember(records, name, known)
        return known

    def _parts(self, record: BlobRecord) -> AsyncIterator[bytes]:
        return in_turn((partial(self._part, record, offset) for offset in offsets(record.size)), READ_AHEAD)

    async def _part(self, record: BlobRecord, offset: int) -> bytes:
        source, index = place(record.layout, offset // PART_BYTES)
        part = await self.keeper.part(record.owner, source, index)
        if part is None:
            raise Refused("blob.missing", f"The part {index} of {source}.")
        return part

    async def _bytes(self, digest: str) -> bytes:
        if (raw := await self.keeper.record(digest)) is None:
            raise Refused("blob.missing", f"{digest}.")
        return read_bytes(digest, raw)

    async def _record(self, digest: str, record: BlobRecord, sha256: bytes | None, data: bytes | None = None) -> None:
        records = self._records
        if await self.keeper.keep_record(digest, write_record(digest, record, sha256, self._now_s(), data)):
            remember(records, digest, record)
        elif await self._held(record.owner, digest) is None:
            own = _own(record.owner, digest)
            await self.keeper.keep_record(own, write_record(own, record, sha256, self._now_s(), data))

    def _now_s(self) -> int:
        return int(self._now())


def _own(owner: str, digest: str) -> str:
    return f"{owner}.{digest}"
