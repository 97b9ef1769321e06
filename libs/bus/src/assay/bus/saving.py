"""A blob as a file: it is digested as it is written, and what is something else than its name says leaves no file."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from blake3 import blake3

from assay.bus.parts import PART_BYTES
from assay.schema.errors import Refused


@asynccontextmanager
async def whole(path: Path, digest: str, begun: int = 0) -> AsyncIterator[Callable[[bytes], object]]:
    """Takes the parts of a blob, in order, into a file that has its first `begun` bytes.

    A refusal leaves no file, whatever else ends it leaves a beginning. Raises Refused, blob.mismatch.
    """
    found = blake3()
    try:
        with path.open("r+b" if begun else "wb") as file:
            while file.tell() < begun:
                found.update(file.read(min(PART_BYTES, begun - file.tell())))
            file.truncate(begun)

            def take(part: bytes) -> None:
                found.update(part)
                file.write(part)

            yield take
        if found.hexdigest() != digest:
            raise Refused("blob.mismatch", f"What came for {digest} is something else.")
    except Refused:
        path.unlink(missing_ok=True)
        raise
