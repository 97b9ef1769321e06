"""The live end of the feeds: what this process has committed is pushed to its recipients' accounts; a push may be lost.

A handler cannot push, for its transaction may still fail. It leaves the event's id here, to be pushed after the commit.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from assay.gateway.feed import Feed
from assay.runtime import Context
from assay.schema.errors import Retry, Unreachable
from assay.store import Transaction
from assay.store.outbox import wait_for_event

WAITING_MAX: Final = 10_000
IDLE_S: Final = 0.5


class Pusher:
    """The ids of committed events that wait to be pushed."""

    def __init__(self) -> None:
        self._waiting: set[str] = set()
        self._wake = asyncio.Event()

    def after(self, tx: Transaction) -> Callable[[str], None]:
        """Has events of a transaction pushed once it is committed."""
        return lambda event_id: tx.on_commit(partial(self.push, event_id))

    def push(self, event_id: str) -> None:
        """Have a committed event pushed; under a flood the newest are left to replay."""
        if len(self._waiting) < WAITING_MAX:
            self._waiting.add(event_id)
            self._wake.set()

    async def run(self, ctx: Context) -> None:
        """Push until the process ends."""
        while not ctx.stopping.is_set():
            if not await wait_for_event(self._wake, IDLE_S):
                continue
            self._wake.clear()
            try:
                await self.push_committed(ctx)
            except (Retry, Unreachable):
                await wait_for_event(ctx.stopping, IDLE_S)

    async def push_committed(self, ctx: Context) -> None:
        """Push every event that waits; if the tables are away, that is left to replay."""
        waiting, self._waiting = self._waiting, set()
        async with ctx.unit() as unit:
            pushes = await Feed(unit.tx).pushes(waiting)
        for account, item in pushes:
            headers, data = item.push()
            await ctx.bus.say(f"cmd.{account}.feed", data, headers)
