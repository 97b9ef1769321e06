"""A participant's feed: a push counts while somebody listens, and is not lost for whoever listens later."""

import asyncio
from pathlib import Path
from typing import Any

from assay.bus.feed import FeedItem
from assay.runtime.incoming import Incoming
from assay.schema.audit import AuditCalled
from assay.schema.event import Envelope, Event
from assay.schema.values import derive_id
from assay.store.journal import Journal


class PlayedDoor:
    """Hands on what is pushed, whoever listens; its feed can be read at any time."""

    def __init__(self) -> None:
        self.items: list[FeedItem] = []
        self.push: Any = None

    async def feed(self, on_push: Any) -> None:
        self.push = on_push

    async def replay(self, after: int, limit: int) -> list[FeedItem]:
        return [item for item in self.items if item.seq > after][:limit]

    async def say(self) -> None:
        number = len(self.items) + 1
        called = AuditCalled(audit_id=derive_id("a", number), verifier="v" + "a" * 32)
        said = Envelope.wrap(called, "verification", number, cause=f"e{number}")
        self.items.append(FeedItem(number, said.headers(), said.data))
        await self.push(self.items[-1])


async def listening(door: PlayedDoor, journal: Journal, heard: list[Envelope[Event]]) -> "asyncio.Task[None]":
    """What listens, once it has read what there is."""
    door.push = None
    listens = asyncio.create_task(Incoming(journal, door, heard.append).run())  # type: ignore[arg-type]
    async with asyncio.timeout(10):
        while door.push is None or len(heard) < len(door.items):
            await asyncio.sleep(0)
    return listens


async def test_a_push_after_the_end_is_ignored_and_read_after_the_next_start(tmp_path: Path) -> None:
    door, heard = PlayedDoor(), list[Envelope[Event]]()
    for _ in range(2):
        journal = Journal(tmp_path / "journal.sqlite")
        listens = await listening(door, journal, heard)
        await door.say()
        listens.cancel()
        await asyncio.gather(listens, return_exceptions=True)
        journal.close()
        await door.say()
    assert [said.event.about for said in heard] == [derive_id("a", number) for number in (1, 2, 3)]
