"""The bell of the desk."""

import asyncio

from assay.settlement.bell import Bell

LONG_S = 30.0


async def test_a_ring_while_a_listener_is_busy_is_heard_at_its_next_wait() -> None:
    bell = Bell()
    busy, other = bell.ear(), bell.ear()
    bell.ring()
    async with asyncio.timeout(LONG_S / 2):
        await other.wait(LONG_S)
        await busy.wait(LONG_S)


async def test_what_was_heard_is_not_heard_again() -> None:
    bell = Bell()
    ear = bell.ear()
    bell.ring()
    await ear.wait(LONG_S)
    assert not ear.heard.is_set()
