"""A committed checkpoint, of which only what is asked for is fetched: each byte is proven against the signed digest."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from assay.bus.blob_door import DoorBlobs
from assay.client.tensors import LENGTH_BYTES, Tensor, header_bytes, tensors_of
from assay.proof.eip712 import Domain
from assay.proof.job_seal import MARK_BYTES, PIECE_BYTES, SEALED_PIECE_BYTES, unseal_job_piece
from assay.proof.keys import BadSignature
from assay.proof.sealed import TAG_BYTES, count_of
from assay.proof.slices import Slice
from assay.proof.statement import check_signature
from assay.schema.errors import Refused
from assay.schema.event import Envelope, Event
from assay.schema.lease import LeaseCommitted


class Checkpoint:
    """What a provider signed to have come to; under the job's key, where the job is sealed."""

    def __init__(self, blobs: DoorBlobs, committed: LeaseCommitted, key: bytes | None = None) -> None:
        self.committed, self._blobs, self._key = committed, blobs, key

    async def read(self, start: int, length: int) -> Slice:
        """What stands at a place, and how long the whole is, unsealed. Raises Refused: slice.*, blob.*."""
        digest = self.committed.checkpoint
        if self._key is None:
            return await self._blobs.slice(digest, start, length)
        first, end = start // PIECE_BYTES, count_of(start + length, PIECE_BYTES)
        size = await self._blobs.size(digest)
        at = first * SEALED_PIECE_BYTES
        stored = await self._blobs.slice(digest, at, min(end * SEALED_PIECE_BYTES, size) - at)
        return await asyncio.to_thread(unsealed, self._key, first, stored, start - first * PIECE_BYTES, length)

    async def tensors(self) -> dict[str, Tensor]:
        """Its tensors by name. Raises Refused; BadInput if the kind of work keeps none."""
        found = await self.read(0, LENGTH_BYTES)
        header = await self.read(LENGTH_BYTES, header_bytes(found.data, found.total))
        return tensors_of(header.data, header.total)

    async def data(self, tensor: Tensor, count: int | None = None) -> bytes:
        """The elements of a tensor, or of rows of one; `count` of them if there are more. Raises Refused."""
        length = tensor.row_count * tensor.row_bytes
        if count is not None:
            length = min(length, count * tensor.value_bytes)
        return (await self.read(tensor.start, length)).data if length else b""


def unsealed(key: bytes, first: int, stored: Slice, start: int, length: int) -> Slice:
    """A slice of what pieces say, the first of which has that number. Raises Refused: blob.unopened, slice.range."""
    count, data = count_of(stored.total, SEALED_PIECE_BYTES), b""
    for number, at in enumerate(range(0, len(stored.data), SEALED_PIECE_BYTES), first):
        data += unseal_job_piece(key, number, number == count - 1, stored.data[at : at + SEALED_PIECE_BYTES])
    if len(data) < start + length:
        raise Refused("slice.range", f"{length} bytes at {start} of {len(data)}.")
    return Slice(stored.total - count * (MARK_BYTES + TAG_BYTES), data[start : start + length])


async def committed_of(
    events: AsyncIterator[Envelope[Event]], domain: Domain, job_id: str, segment: int | None
) -> LeaseCommitted:
    """What was committed to last of a job, or of one of its segments, signed by the provider that it names.

    Raises Refused: blob.missing if nothing was, event.forged, event.unsigned.
    """
    found: list[Envelope[Any]] = [
        said
        async for said in events
        if isinstance(said.event, LeaseCommitted)
        and said.event.job_id == job_id
        and segment in (None, said.event.segment)
    ]
    if not found:
        raise Refused("blob.missing", f"{job_id} has committed to no {'' if segment is None else 'such '}segment.")
    said = max(found, key=lambda each: (each.event.segment, each.event.fence))
    check_signature(said, domain)
    if said.source != said.event.provider:
        raise BadSignature("It is signed by another than the provider.")
    committed: LeaseCommitted = said.event
    return committed
