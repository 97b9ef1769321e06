"""The gatherer: calls verifiers for an epoch's beacon while its work still waits, and closes the epoch with who came.

What they are bound to is said with the epoch's root, before that is anchored: so before the beacon's block exists.
One replica gathers at a time. Its transaction is its own, and locks lives before rows, as the handlers do.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from assay.runtime import Unit
from assay.schema.beacon import BeaconCalled, BeaconMissed, beacon_fact
from assay.schema.epoch import EpochWaiting
from assay.verification.desk import Desk
from assay.verification.domain import Closing, Patience, Waiting, closing_of, pool
from assay.verification.domain.sharing import Next, Share, committed_of, draw_sharers, gathered_ms
from assay.verification.queries import beacons, epochs
from assay.verification.queries.epochs import HeldOpen
from assay.verification.steps.withholding import judge_misses

LOCK: Final = "select pg_try_advisory_xact_lock(hashtextextended('verification.gather', 0))"

CALLED_MS: Final = 600_000
"""Verifiers are called so long before an epoch closes: who is bound for a day may have left when it is drawn."""
RETOLD_MS: Final = 60_000
"""An epoch's closing that moves by less is not said again."""


class Gatherer:
    """One gatherer of a verification service."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def turn(self) -> float | None:
        """Call who is to be called, and pool what is due; again when the next is due."""
        now_ms = self._desk.now()
        async with self._desk.context.unit() as unit:
            if not await unit.tx.fetchval(LOCK):
                return None
            await judge_misses(unit, now_ms)
            waits = [await self._gather(unit, waiting, now_ms) for waiting in await epochs.waiting(unit.tx)]
        return max(min(waits) - now_ms, 0) / 1000 if waits else None

    async def _gather(self, unit: Unit, waiting: Waiting, now_ms: int) -> int:
        """When to look again: now, if the epoch was pooled and leaves parts for the next."""
        epoch = await beacons.next_epoch(unit.tx, waiting.provider)
        closing = closing_of(waiting, self._patience)
        shares = await beacons.shares_of(unit.tx, epoch.epoch_id)
        if not shares and now_ms >= closing.at_ms - CALLED_MS:
            await self._call(unit, epoch, waiting.provider, now_ms)
            shares = await beacons.shares_of(unit.tx, epoch.epoch_id)
        when_ms = max(closing.at_ms, gathered_ms(shares))
        if closing.at_ms > now_ms:
            await self._tell(unit, waiting, epoch, closing)
        if when_ms > now_ms:
            return when_ms
        await self._pool(unit, waiting.provider, epoch, now_ms)
        return now_ms

    @property
    def _patience(self) -> Patience:
        settings = self._desk.settings
        return Patience(int(settings.epoch_s * 1000), int(settings.epoch_max_s * 1000))

    async def _tell(self, unit: Unit, waiting: Waiting, epoch: Next, closing: Closing) -> None:
        """Say that the epoch stays open, for what and until when, if that is news."""
        if closing.code is None:
            return
        held = await epochs.held_open(unit.tx, waiting.provider)
        is_known = held and (held.epoch_id, held.code) == (epoch.epoch_id, closing.code)
        if held and is_known and abs(held.closes_ms - closing.at_ms) < RETOLD_MS:
            return
        await epochs.hold_open(unit.tx, waiting.provider, HeldOpen(epoch.epoch_id, closing.code, closing.at_ms))
        fact = {"epoch_id": epoch.epoch_id, "provider": waiting.provider, "number": epoch.number}
        reasons = {"needed": waiting.needed, "segments": waiting.segments}
        event = EpochWaiting(**fact, code=closing.code, reasons=reasons, closes_ms=closing.at_ms)
        unit.emission.add(event, f"{epoch.epoch_id}.{closing.at_ms}")

    async def _call(self, unit: Unit, epoch: Next, provider: str, now_ms: int) -> None:
        drawn = draw_sharers(epoch, provider, await beacons.willing(unit.tx, now_ms))
        await beacons.call(unit.tx, epoch.epoch_id, [each.verifier for each in drawn], now_ms)
        for each in drawn:
            called = BeaconCalled.model_validate(beacon_fact(epoch.epoch_id, each.verifier))
            unit.emission.add(called, called.beacon_id)

    async def _pool(self, unit: Unit, provider: str, epoch: Next, now_ms: int) -> None:
        shares = await self._close(unit, epoch, now_ms)
        number, previous, parts = await epochs.next_of(unit.tx, provider)
        closed, blob = await asyncio.to_thread(pool, provider, number, previous, parts, committed_of(shares))
        if blob:
            await self._desk.blobs.put(blob)
        await epochs.keep_epoch(unit.tx, closed, [part.entry.lease_id for part in parts])
        unit.emission.add(closed, closed.epoch_id)

    async def _close(self, unit: Unit, epoch: Next, now_ms: int) -> Sequence[Share]:
        """The shares as they stay; who was called and did not come is not waited for next time."""
        await beacons.lock(unit.tx, epoch.epoch_id)
        shares = await beacons.shares_of(unit.tx, epoch.epoch_id)
        late = [share for share in shares if share.state == "called"]
        await beacons.miss(unit.tx, [share.beacon_id for share in late])
        await beacons.stay_away(unit.tx, [share.verifier for share in late], now_ms)
        for share in late:
            fact = beacon_fact(epoch.epoch_id, share.verifier)
            unit.emission.add(BeaconMissed(**fact, code="beacon.uncommitted"), share.beacon_id)
        return shares
