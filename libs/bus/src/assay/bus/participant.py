"""The door: all that a provider, requester or observer has of the bus, from an account of its own without JetStream.

What it says on `ingest.>` and asks on `ask.>` reaches the gateway under its account's token, and `cmd.>` is its own.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from assay.bus.blob_door import DoorBlobs
from assay.bus.connection import open_connection
from assay.bus.core import CoreBus
from assay.bus.feed import FeedItem, replayed
from assay.bus.port import ASK_TIMEOUT_S, Message, OnMessage, Subscription
from assay.schema.errors import Refused
from assay.schema.event import Envelope, Event

REPLAY_MAX: Final = 256
EVENTS_WAITING_MAX: Final = 1024


class Line(Protocol):
    """What a door is laid upon: `core.CoreBus` or its twin."""

    back: asyncio.Event

    @property
    def is_connected(self) -> bool: ...

    @property
    def line(self) -> str: ...

    async def say(self, subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> None: ...

    async def listen(self, subject: str, on: OnMessage, queue: str = "") -> Subscription: ...

    async def ask(
        self, subject: str, data: bytes, headers: Mapping[str, str] | None = None, timeout_s: float = ASK_TIMEOUT_S
    ) -> Message: ...

    async def close(self) -> None: ...


class Door:
    """A participant's access. Every call may be repeated after Retry or Unreachable: said twice is said once."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.blobs = DoorBlobs(line)

    @property
    def is_connected(self) -> bool:
        """Whether messages flow at this moment; a lost connection is taken up again by itself."""
        return self._line.is_connected

    @property
    def line(self) -> str:
        """The name of the connection as the servers have it; another one each time that it is taken up."""
        return self._line.line

    @property
    def back(self) -> asyncio.Event:
        """Set whenever the connection was lost and is there again; whoever waits for it clears it."""
        return self._line.back

    async def tell(self, envelope: Envelope[Any], timeout_s: float = ASK_TIMEOUT_S) -> None:
        """Say an event; returns when the gateway has it on disk, now or from an earlier time.

        Raises Refused as the gateway did, Retry and Unreachable if it is not known to have it.
        """
        event: Event = envelope.event
        try:
            await self._line.ask(f"ingest.{event.type}.{event.about}", envelope.data, envelope.headers(), timeout_s)
        except Refused as refused:
            if refused.code != "event.replayed":
                raise

    async def beat(self, data: bytes) -> None:
        """Say that this provider and its leases are alive; a beat may be lost."""
        await self._line.say("ingest.beat", data)

    async def feed(self, on_push: Callable[[FeedItem], Awaitable[None]]) -> Subscription:
        """Hear the feed live. A push may be lost: `replay` from the last number seen fills what is missing."""

        async def hear(message: Message) -> None:
            await on_push(FeedItem.of_push(message))

        return await self._line.listen("cmd.feed", hear)

    async def replay(self, after: int, limit: int = REPLAY_MAX, feed: str = "own") -> list[FeedItem]:
        """The next items of a feed (`own` or `public`) after a number, oldest first; none if there are none."""
        return replayed(await self.ask("replay", {"after": after, "limit": limit, "feed": feed}))

    async def ask(self, question: str, body: Mapping[str, Any], timeout_s: float = ASK_TIMEOUT_S) -> dict[str, Any]:
        """The gateway's answer. Raises Refused, Retry, Unreachable."""
        answer = await self._line.ask(f"ask.{question}", json.dumps(body).encode(), timeout_s=timeout_s)
        said: dict[str, Any] = json.loads(answer.data)
        return said

    async def events(self, subject: str) -> AsyncGenerator[Message, None]:
        """The public events on a subject as they come, from the first step of the iteration on."""
        waiting: asyncio.Queue[Message] = asyncio.Queue(EVENTS_WAITING_MAX)
        subscription = await self._line.listen(subject, waiting.put)
        try:
            while True:
                yield await waiting.get()
        finally:
            await subscription.close()

    async def close(self) -> None:
        """Send what is still to be sent, and leave."""
        await self._line.close()


async def connect_participant(url: str, creds_file: Path | str | None, name: str = "participant") -> Door:
    """The door of the account that the credentials are for. Raises Unreachable."""
    back = asyncio.Event()
    return Door(CoreBus(await open_connection(url, creds_file, name, back), back))
