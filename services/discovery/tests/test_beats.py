"""Heartbeats: who was heard is written in bulk, and the gateway's pulse is kept apart."""

import asyncio

import pytest
from services.discovery.tests.desk import Desk
from services.discovery.tests.samples import NOW_MS, announced, provider_of, staked

from assay.discovery.beats import listener, write
from assay.discovery.domain import Pulse

pytestmark = pytest.mark.server
DEADLINE_S = 120.0


async def test_a_beat_is_written_and_a_pulse_is_kept(desk: Desk) -> None:
    await desk.tell(staked(), announced())
    pulse = Pulse()
    task = asyncio.create_task(listener(pulse)(desk.ctx))
    async with asyncio.timeout(DEADLINE_S):
        while await desk.rows("select last_beat_ms from provider") != [(NOW_MS,)] or not pulse.is_alive(NOW_MS):
            await desk.ctx.bus.say(f"assay.beat.{provider_of(1)}", b"{}")
            await desk.ctx.bus.say("assay.beat.gateway", b"")
            await asyncio.sleep(0.05)
    desk.ctx.stopping.set()
    await task


async def test_beats_are_written_at_once_and_those_of_strangers_are_not(desk: Desk) -> None:
    await desk.tell(staked(1), staked(2))
    heard = {provider_of(number): NOW_MS + number for number in range(1, 4)}
    await write(desk.ctx, heard)
    assert heard == {}
    rows = await desk.rows("select last_beat_ms from provider order by 1")
    assert rows == [(NOW_MS + 1,), (NOW_MS + 2,)]
    await write(desk.ctx, {provider_of(1): NOW_MS})
    assert await desk.rows("select last_beat_ms from provider order by 1") == rows
