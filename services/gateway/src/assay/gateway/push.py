"""The live end of the feeds: what this process has committed is pushed to its recipients' accounts; a push may be lost.

A handler cannot push, for its transaction may still fail. It leaves the event's id here, and the pusher looks for the
committed row until it is there.
"""

import asyncio
from typing import Final

from assay.gateway.feed import Feed
from assay.runtime import Context
from assay.schema.errors import Retry, Unreachable
from assay.store.outbox import wait_for_event

LOOK_S: Final = 0.005
LOOKS_MAX: Final = 400
WAITING_MAX: Final = 10_000
IDLE_S: Final = 0.5


class Pusher:
    """The ids of events that wait for their commit, each with how often it was looked for."""

    def __init__(self) -> None:
        self._waiting: dict[str, int] = {}
        self._wake = asyncio.Event()

    def push(self, event_id: str) -> None:
        """Leave an event to be pushed; under a flood the newest are left to replay."""
        if len(self._waiting) < WAITING_MAX:
            self._waiting[event_id] = 0
            self._wake.set()

    async def run(self, ctx: Context) -> None:
        """Push until the process ends."""
        while not ctx.stopping.is_set():
            await self._wait()
            try:
                await self.push_committed(ctx)
            except (Retry, Unreachable):
                await wait_for_event(ctx.stopping, IDLE_S)

    async def push_committed(self, ctx: Context) -> None:
        """Push every waiting event that is committed; forget those that never are."""
        if not self._waiting:
            return
        async with ctx.unit() as unit:
            pushes = await Feed(unit.tx).pushes(self._waiting)
        for event_id, account, item in pushes:
            self._waiting.pop(event_id, None)
            if account is not None:
                headers, data = item.push()
                await ctx.bus.say(f"cmd.{account}.feed", data, headers)
        self._waiting = {event: looks + 1 for event, looks in self._waiting.items() if looks < LOOKS_MAX}

    async def _wait(self) -> None:
        if self._waiting:
            await asyncio.sleep(LOOK_S)
            return
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), IDLE_S)
        except TimeoutError:
            return
