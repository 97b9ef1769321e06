"""The live end of the feeds: what is committed here is pushed to its recipients' accounts; a push may be lost."""

import asyncio
from collections.abc import Sequence
from typing import Final, TypeAlias

from assay.bus.feed import FeedItem
from assay.runtime import Context
from assay.schema.errors import Unreachable
from assay.store.waiting import wait_for_event

WAITING_MAX: Final = 10_000
IDLE_S: Final = 0.5

Pushes: TypeAlias = Sequence[tuple[str, FeedItem]]
"""Items of feeds, each with the account that it goes to."""


class Pusher:
    """The committed items that wait to be pushed."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, FeedItem]] = []
        self._wake = asyncio.Event()

    def push(self, pushes: Pushes) -> None:
        """Have committed items pushed; under a flood the newest are left to replay."""
        self._waiting += pushes[: max(0, WAITING_MAX - len(self._waiting))]
        self._wake.set()

    async def run(self, ctx: Context) -> None:
        """Push until the process ends."""
        while not ctx.stopping.is_set():
            if not await wait_for_event(self._wake, IDLE_S):
                continue
            self._wake.clear()
            try:
                await self.push_all(ctx)
            except Unreachable:
                await wait_for_event(ctx.stopping, IDLE_S)

    async def push_all(self, ctx: Context) -> None:
        """Push what waits. Raises Unreachable; what was not pushed then is left to replay."""
        waiting, self._waiting = self._waiting, []
        for account, item in waiting:
            headers, data = item.push()
            await ctx.bus.say(f"cmd.{account}.feed", data, headers)
