"""The blobs in memory, and the parts of those that are not whole yet."""

from assay.bus.parts import PART_BYTES, check_part, check_total, offsets
from assay.proof.digest import blob_digest
from assay.schema.errors import Refused


class MemoryBlobs:
    """The twin of `blobs.NatsBlobs`."""

    def __init__(self) -> None:
        self._whole: dict[str, bytes] = {}
        self._owners: dict[str, str] = {}
        self._parts: dict[tuple[str, str], dict[int, bytes]] = {}

    async def put(self, data: bytes) -> str:
        """The digest of the data, which is stored when this returns."""
        check_total(len(data))
        digest = blob_digest(data)
        self._whole[digest] = data
        return digest

    async def get(self, digest: str) -> bytes:
        """The data. Raises Refused: blob.missing."""
        if digest not in self._whole:
            raise Refused("blob.missing", f"{digest}.")
        return self._whole[digest]

    async def has(self, digest: str) -> bool:
        """Whether the whole blob is stored."""
        return digest in self._whole

    async def size(self, digest: str) -> int:
        """How many bytes the blob has. Raises Refused: blob.missing."""
        return len(await self.get(digest))

    async def owner(self, digest: str) -> str:
        """Whose upload made the blob whole. Raises Refused: blob.missing."""
        await self.get(digest)
        return self._owners.get(digest, "core")

    async def read(self, digest: str, offset: int) -> bytes:
        """The part of a whole blob that starts at `offset`. Raises Refused: blob.missing."""
        data = await self.get(digest)
        if offset not in offsets(len(data)):
            raise Refused("blob.missing", f"No part of {digest} starts at {offset}.")
        return data[offset : offset + PART_BYTES]

    async def write(self, digest: str, offset: int, total: int, part: bytes, owner: str) -> None:
        """Store one part of an owner's upload. Raises Refused: blob.oversized, blob.mismatch."""
        check_part(offset, total, part)
        self._parts.setdefault((owner, digest), {})[offset] = bytes(part)

    async def keep(self, digest: str, data: bytes, owner: str) -> None:
        """Store a whole blob of an owner at once. Raises Refused: blob.oversized, blob.mismatch."""
        check_total(len(data))
        if blob_digest(data) != digest:
            raise Refused("blob.mismatch", f"What came is {blob_digest(data)}, not {digest}.")
        if digest not in self._whole:
            self._whole[digest], self._owners[digest] = bytes(data), owner

    async def missing(self, digest: str, total: int, owner: str) -> list[int]:
        """The offsets of the parts that the owner has still to write; none if the blob is whole."""
        check_total(total)
        there = self._parts.get((owner, digest), {})
        return [] if digest in self._whole else [offset for offset in offsets(total) if offset not in there]

    async def seal(self, digest: str, total: int, owner: str) -> None:
        """Make the blob whole after all its parts. Raises Refused: blob.missing (a part), blob.mismatch."""
        if left := await self.missing(digest, total, owner):
            raise Refused("blob.missing", f"The part of {digest} at {left[0]}.")
        if digest in self._whole:
            return
        parts = self._parts[owner, digest]
        data = b"".join(parts[offset] for offset in offsets(total))
        if blob_digest(data) != digest or len(data) != total:
            raise Refused("blob.mismatch", f"The parts of {digest} make {len(data)} bytes of {blob_digest(data)}.")
        self._whole[digest], self._owners[digest] = data, owner
