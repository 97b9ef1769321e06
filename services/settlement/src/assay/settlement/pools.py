"""The blobs of great epochs: their entries, and where in their leases the drawn segments lie. Kept for a while.

All jobs of an epoch are closed about the same time, and each receipt shows something else of it.
"""

import asyncio
from collections import OrderedDict
from functools import lru_cache
from typing import Any, Final

from pydantic import ValidationError

from assay.bus import Blobs
from assay.proof.pool import PLACES, Pool, SegmentPlace, read_entries
from assay.schema.epoch import EpochDrawn, EpochPooled
from assay.schema.errors import Refused, Reject, Retry

KEPT_MAX: Final = 4
"""Epochs whose entries and tree are kept: some 50 MB each at most."""


class Pools:
    """The entries of epochs that stand in blobs, and the places of what was drawn from them."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs, self._turn = blobs, asyncio.Lock()
        self._pools: OrderedDict[str, Pool] = OrderedDict()
        self._places: OrderedDict[str, tuple[SegmentPlace, ...]] = OrderedDict()

    async def of(self, closed: EpochPooled) -> Pool:
        """The epoch's entries. Raises Retry while their blob is not here, Reject if it holds others."""
        async with self._turn:
            if closed.epoch_id not in self._pools:
                blob = await self._get(closed.entries)
                self._pools[closed.epoch_id] = await asyncio.to_thread(read_entries, blob, closed)
                trim(self._pools)
            return self._pools[closed.epoch_id]

    async def places(self, drawn: EpochDrawn) -> tuple[SegmentPlace, ...]:
        """The places of what was drawn, as far as they are told. Raises Retry, Reject."""
        if drawn.places is None:
            return ()
        async with self._turn:
            if drawn.places not in self._places:
                try:
                    self._places[drawn.places] = PLACES.validate_json(await self._get(drawn.places))
                except ValidationError:
                    raise Reject(f"The places of {drawn.epoch_id} cannot be read.") from None
                trim(self._places)
            return self._places[drawn.places]

    async def _get(self, digest: str) -> bytes:
        try:
            return await self._blobs.get(digest)
        except Refused as refusal:
            raise Retry(refusal.detail) from None


@lru_cache(maxsize=1)
def pools_of(blobs: Blobs) -> Pools:
    """The pools of a process's store: handlers and the desk read each blob once."""
    return Pools(blobs)


def trim(kept: OrderedDict[str, Any]) -> None:
    """Forget the oldest beyond so many."""
    while len(kept) > KEPT_MAX:
        kept.popitem(last=False)
