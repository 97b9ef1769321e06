"""What a participant is told: its feed, read from a cursor in the journal, so that a reconnect misses nothing."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from assay.bus.feed import FeedItem
from assay.bus.participant import Door
from assay.schema.errors import Refused, Retry, Unreachable
from assay.schema.event import Envelope, Event, decode
from assay.store.journal import Journal

POLL_S = 5.0
PAGE = 256

log = logging.getLogger(__name__)


class Incoming:
    """A participant's feed: the cursor decides what is new; a push that does not come next has the feed read."""

    def __init__(self, journal: Journal, door: Door, on_said: Callable[[Envelope[Event]], None]) -> None:
        self._journal, self._door, self._on_said = journal, door, on_said
        self._wake = asyncio.Event()
        self._is_over = False

    async def run(self) -> None:
        """Read the feed for ever: at once when a push shows a gap, else every few seconds."""
        is_pushed = False
        try:
            while True:
                is_pushed = is_pushed or await self._hear()
                await self._poll()
        finally:
            self._is_over = True

    async def _hear(self) -> bool:
        """Whether what is new is pushed from now on; as long as it is not known to be, reading alone has to do."""
        try:
            await self._door.feed(self._on_push)
        except Retry as error:
            log.warning("the feed is not pushed yet: %s", error)
            return False
        return True

    async def _poll(self) -> None:
        self._wake.clear()
        try:
            await self._read()
        except (Unreachable, Retry, Refused) as error:
            log.warning("the feed cannot be read: %s", error)
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_S):
                await self._wake.wait()

    async def _on_push(self, item: FeedItem) -> None:
        # The door outlives whoever listens by a moment; what it pushes then is read after the next start.
        if self._is_over:
            return
        if item.seq == self._journal.cursor() + 1:
            self._take([item])
        else:
            self._wake.set()

    async def _read(self) -> None:
        while items := await self._door.replay(self._journal.cursor(), PAGE):
            self._take(items)

    def _take(self, items: Sequence[FeedItem]) -> None:
        """Act on what is new of these; a push may have been faster than the page that holds it too."""
        with self._journal.transaction():
            cursor = self._journal.cursor()
            for item in items:
                if item.seq > cursor:
                    self._on_said(decode(item.headers, item.data))
            self._journal.set_cursor(items[-1].seq)
