"""Gives slices of stored blobs with their proofs (`assay.proof.slices`), to be held against the digest by who asks.

A proof needs the chaining value of each part, and nobody has them before they are asked for: the first slice of a blob
costs reading all of it and 20 MB/s of sums in whole numbers, which a process of its own does while the loop answers
others. The values are kept, 32 bytes a part, while they come to the digest: of what was read damaged they do not.
"""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from multiprocessing.connection import Connection, Pipe
from typing import Any, Final, TypeAlias

from assay.bus.parts import PART_BYTES, in_turn, offsets
from assay.bus.port import BlobStore
from assay.proof.slices import check_range, open_slice, part_value, parts_shown, prove
from assay.schema.errors import Refused, Retry

SLICE_BYTES_MAX: Final = PART_BYTES
# Its sums take less than a minute; of what is larger the whole may well be there sooner.
SLICED_BYTES_MAX: Final = 2**30
BLOBS_KEPT_MAX: Final = 64

Line: TypeAlias = "Connection[Any, Any]"


class Slicer:
    """What a store's blobs say at any place, with the proof."""

    def __init__(self) -> None:
        self._apart = Apart()
        self._values: dict[str, list[bytes]] = {}

    async def give(self, store: BlobStore, digest: str, start: Any, length: Any) -> bytes:
        """The proof of a slice, which holds it.

        Raises Refused: slice.range, blob.missing, blob.oversized; Retry, also where the store is damaged.
        """
        total = await store.size(digest)
        check_range(total, start, length)
        if length > SLICE_BYTES_MAX:
            raise Refused("slice.range", f"{length} of at most {SLICE_BYTES_MAX} bytes.")
        if total > SLICED_BYTES_MAX:
            raise Refused("blob.oversized", f"{total} bytes, and slices of up to {SLICED_BYTES_MAX}: fetch it whole.")
        values = await self._values_of(store, digest, total)
        parts = {at: await store.read(digest, at * PART_BYTES) for at in parts_shown(total, start, length)}
        proof = await self._apart.run(proven, digest, total, start, length, values, parts)
        if proof is None:
            self._values.pop(digest, None)
            raise Retry("The store gave something else of the blob.")
        return bytes(proof)

    async def _values_of(self, store: BlobStore, digest: str, total: int) -> list[bytes]:
        if digest not in self._values:
            parts = in_turn(partial(store.read, digest, offset) for offset in offsets(total))
            index, values = 0, list[bytes]()
            async for part in parts:
                values.append(await self._apart.run(part_value, part, index))
                index += 1
            if len(self._values) >= BLOBS_KEPT_MAX:
                self._values.pop(next(iter(self._values)))
            self._values[digest] = values
        return self._values[digest]


def proven(
    digest: str, total: int, start: int, length: int, values: Sequence[bytes], parts: Mapping[int, bytes]
) -> bytes | None:
    """As `prove`; None where the values or the parts are not the blob's."""
    try:
        proof = prove(total, start, length, values, parts)
        open_slice(digest, start, length, proof)
    except (Refused, LookupError, ValueError):
        return None
    return proof


class Apart:
    """Runs pure functions one at a time in a process of its own, which ends with this one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: tuple[subprocess.Popen[bytes], Line] | None = None

    def __del__(self) -> None:
        self._end()

    def _end(self) -> None:
        if self._begun:
            (process, line), self._begun = self._begun, None
            line.close()
            process.kill()
            process.wait()

    async def run(self, work: Callable[..., Any], *given: Any) -> Any:
        """What the function gives. Raises Retry if its process was lost."""
        return await asyncio.to_thread(self._run, work, given)

    def _run(self, work: Callable[..., Any], given: tuple[Any, ...]) -> Any:
        with self._lock:
            self._begun = self._begun or begun()
            try:
                self._begun[1].send((work, given))
                return self._begun[1].recv()
            except (EOFError, OSError):
                self._end()
                raise Retry("What makes proofs of slices was lost, and is started again.") from None


def begun() -> tuple["subprocess.Popen[bytes]", Line]:
    """A new process and the line to it; it loads nothing of what this one is, and works until the line is closed."""
    here, there = Pipe()
    with there:
        words = [sys.executable, "-c", f"from {__name__} import work_on; work_on({there.fileno()})"]
        return subprocess.Popen(words, pass_fds=[there.fileno()]), here


def work_on(handle: int) -> None:
    """Do what comes on the line until its other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line: Line = Connection(handle)
    while True:
        try:
            work, given = line.recv()
        except EOFError:
            return
        line.send(work(*given))
