"""What a worker has stored at the gateway, and what of that it lets go.

Work done again comes to the same blob. So while something is let go nothing is stored, and before that whatever was
stored is named: a blob that the worker counts on is never one that it lets go.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from assay.bus.content import Content
from assay.bus.participant import Door
from assay.runtime.outgoing import Outgoing
from assay.runtime.patience import patiently
from assay.schema.errors import Refused
from assay.store.waiting import wait_for_event

STORED_MAX: Final = 1024
# An epoch is settled some seconds before the last of its jobs is closed, or longer where all is late.
CLOSING_S = 10.0
FIRST_S: Final = 20.0
LET_GO_S: Final = 3_600.0

T = TypeVar("T")

log = logging.getLogger(__name__)


class Blobs(Protocol):
    """Where content goes to."""

    async def put(self, data: Content, base: str | None = None) -> str:
        """The digest under which the content can be fetched from now on; what it shares with `base` need not travel."""
        ...


class Stored:
    """What is stored already, as far as it is remembered: a result is often the last checkpoint itself."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._known: dict[str, None] = {}
        self._in_hand = 0
        self._is_open, self._is_idle = asyncio.Event(), asyncio.Event()
        self._is_open.set()
        self._is_idle.set()

    async def put(self, digest: str, data: Content, base: str | None) -> None:
        """Store the data, unless it is; whoever names it does so before anything else happens."""
        await self._is_open.wait()
        self._is_idle.clear()
        self._in_hand += 1
        try:
            if digest not in self._known:
                stored = await patiently(partial(self._blobs.put, data, base))
                assert stored == digest
                self._note(digest)
        finally:
            self._in_hand -= 1
            if not self._in_hand:
                self._is_idle.set()

    @asynccontextmanager
    async def closed(self) -> AsyncIterator[None]:
        """Nothing is being stored meanwhile; afterwards nothing counts as stored."""
        self._is_open.clear()
        try:
            await self._is_idle.wait()
            yield
        finally:
            self._known.clear()
            self._is_open.set()

    def _note(self, digest: str) -> None:
        if len(self._known) >= STORED_MAX:
            self._known.pop(next(iter(self._known)))
        self._known[digest] = None


class Leaving:
    """Lets go of the snapshots and traces that no audit can come back to; the gateway says which they are."""

    def __init__(self, stored: Stored, outgoing: Outgoing, door: Door) -> None:
        self._stored, self._outgoing, self._door = stored, outgoing, door
        self.settled = asyncio.Event()
        """Set when an epoch is settled."""

    async def run(self) -> None:
        """Let go for ever: soon after the start and each settled epoch, then ever more seldom, to once an hour."""
        self.settled.set()
        wait_s = FIRST_S
        while True:
            if await wait_for_event(self.settled, wait_s):
                self.settled.clear()
                wait_s = FIRST_S
                await asyncio.sleep(CLOSING_S)
            else:
                wait_s = min(2 * wait_s, LET_GO_S)
            while await self._goes_on():
                pass

    async def _goes_on(self) -> bool:
        """Whether to ask again, after one question."""
        try:
            gone = await self.let_go()
        except Refused as refusal:
            log.warning("nothing is let go now: %s", refusal)
            wait_s = refusal.fields.get("retry_after_s")
            await asyncio.sleep(wait_s if isinstance(wait_s, float | int) else 0)
            return wait_s is not None
        log.info("let go of %d blobs", gone)
        return gone > 0

    async def let_go(self) -> int:
        """How many blobs were let go now; there may be more. Raises Refused."""
        async with self._stored.closed():
            # What was stored until now is named at the gateway before it is asked.
            await self._outgoing.flush()
            said: dict[str, Any] = await patiently(partial(self._door.ask, "let_go", {}))
        return int(said["gone"])
