"""A participant's feed: a push counts while somebody listens, and is not lost for whoever listens later."""

import asyncio
from pathlib import Path
from typing import Any

from tests.played import PlayedFeed, until

from assay.runtime.incoming import Incoming
from assay.schema.audit import AuditCalled
from assay.schema.errors import Retry
from assay.schema.event import Envelope, Event
from assay.schema.values import derive_id
from assay.store.journal import Journal


def call(number: int) -> AuditCalled:
    return AuditCalled(audit_id=derive_id("a", number), verifier="v" + "a" * 32)


async def listening(door: PlayedFeed, journal: Journal, heard: list[Envelope[Event]]) -> "asyncio.Task[None]":
    """What listens, once it has read what there is."""
    door.push = None
    listens = asyncio.create_task(Incoming(journal, door, heard.append).run())
    async with asyncio.timeout(60):
        while door.push is None or len(heard) < len(door.items):
            await asyncio.sleep(0)
    return listens


async def test_a_push_after_the_end_is_ignored_and_read_after_the_next_start(tmp_path: Path) -> None:
    door, heard = PlayedFeed(), list[Envelope[Event]]()
    for number in (0, 2):
        journal = Journal(tmp_path / "journal.sqlite")
        listens = await listening(door, journal, heard)
        await door.say(call(number + 1))
        listens.cancel()
        await asyncio.gather(listens, return_exceptions=True)
        journal.close()
        await door.say(call(number + 2))
    assert [said.event.about for said in heard] == [derive_id("a", number) for number in (1, 2, 3)]


class Slow(PlayedFeed):
    """A feed whose pushes are not confirmed in time."""

    async def feed(self, on_push: Any) -> None:
        raise Retry("No answer on cmd.feed in time.")


async def test_whoever_is_not_pushed_to_yet_reads_and_does_not_end(tmp_path: Path) -> None:
    door, heard, journal = Slow(), list[Envelope[Event]](), Journal(tmp_path / "journal.sqlite")
    await door.say(call(1))
    listens = asyncio.create_task(Incoming(journal, door, heard.append).run())
    await until(lambda: heard or listens.done())
    assert [said.event.about for said in heard] == [derive_id("a", 1)] and not listens.done()
    listens.cancel()
    await asyncio.gather(listens, return_exceptions=True)
    journal.close()
