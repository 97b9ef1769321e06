"""What is put into a store: bytes, or a file of any size that is read part by part, so that no more of it is in memory.

A file is read, not mapped: whoever could cut it short meanwhile would end this process.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self, TypeAlias

from blake3 import blake3

from assay.bus.parts import PART_BYTES, offsets
from assay.proof.digest import Buffer
from assay.schema.errors import Refused

# BLAKE3 lets other threads run meanwhile; below this size a thread costs more than it spares the loop.
HASH_INLINE_BYTES_MAX: Final = 2**20


class Content:
    """Bytes that are had part by part, as often as need be."""

    def __init__(self, size: int, read: Callable[[int, int], Buffer]) -> None:
        """`read` gives so many bytes from an offset on."""
        self.size, self._read, self._digest = size, read, ""

    @classmethod
    def of_bytes(cls, data: Buffer) -> Self:
        """What is in memory; its parts are views."""
        view = memoryview(data)
        return cls(len(view), lambda count, offset: view[offset : offset + count])

    @classmethod
    def of_file(cls, handle: int) -> Self:
        """An open file, as long as it is now; it has to stay open."""
        return cls(os.fstat(handle).st_size, lambda count, offset: os.pread(handle, count, offset))

    def part(self, offset: int) -> Buffer:
        """The part that starts there. Raises Refused, blob.mismatch, for a file that became shorter."""
        count = min(PART_BYTES, self.size - offset)
        if len(part := self._read(count, offset)) != count:
            raise Refused("blob.mismatch", "A file became shorter while it was read.")
        return part

    def parts(self) -> Iterator[Buffer]:
        """All parts in order; an empty content is one empty part. Raises Refused as `part` does."""
        return map(self.part, offsets(self.size))

    async def digest(self) -> str:
        """The BLAKE3 digest of all, made once. Raises Refused as `part` does."""
        if not self._digest:
            is_small = self.size <= HASH_INLINE_BYTES_MAX
            self._digest = self._digested() if is_small else await asyncio.to_thread(self._digested)
        return self._digest

    def _digested(self) -> str:
        found = blake3()
        for part in self.parts():
            found.update(part)
        return found.hexdigest()

    async def digests(self) -> list[bytes]:
        """The BLAKE3 digest of each part. Raises Refused as `part` does."""
        return await asyncio.to_thread(lambda: [blake3(part).digest() for part in self.parts()])


Data: TypeAlias = bytes | Path | Content
"""What can be put into a store."""


@contextmanager
def content_of(data: Data) -> Iterator[Content]:
    """The content of bytes, or of a file, which is open until the end. Raises OSError."""
    if isinstance(data, Content):
        yield data
    elif isinstance(data, Path):
        with data.open("rb") as file:
            yield Content.of_file(file.fileno())
    else:
        yield Content.of_bytes(data)
