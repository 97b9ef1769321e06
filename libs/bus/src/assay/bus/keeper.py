"""What keeps the bytes of blobs: the little that the store asks of an Object Store, of S3, or of memory.

`blobs.StoredBlobs` makes the blobs of it. Written twice is written once, and nothing is ever changed through it, so
what was checked stays as it was until its owner lets it go. What is kept is on disk when the call returns.
"""

from collections.abc import Collection
from typing import Protocol


class Keeper(Protocol):
    """Parts, each under an owner, a digest and an index; and records of whole blobs, each under a name."""

    async def part(self, owner: str, digest: str, index: int) -> bytes | None:
        """The part, if it is kept."""

    async def keep_part(self, owner: str, digest: str, index: int, data: bytes) -> bool:
        """Whether this part is the first at its place, and kept; a part never changes. Raises Retry."""

    async def kept(self, owner: str, digest: str) -> set[int]:
        """Which parts of an upload are kept."""

    async def record(self, name: str) -> bytes | None:
        """The record of this name, if it is kept."""

    async def keep_record(self, name: str, record: bytes) -> bool:
        """Whether this record is the first of its name, and kept; a record never changes. Raises Retry."""

    async def drop_parts(self, owner: str, digest: str, indexes: Collection[int] | None) -> None:
        """Delete these parts of an upload, or all; what is not there is not missed. Raises Retry."""

    async def drop_record(self, name: str) -> None:
        """Delete the record of this name, if there is one. Raises Retry."""
