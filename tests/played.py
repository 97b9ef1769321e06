"""The gateway as a participant's worker sees it, played by a test; and the machine on which the worker runs."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from assay.bus.content import Data, content_of
from assay.bus.feed import FeedItem
from assay.bus.keys import JobBlobs
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from assay.proof.statement import check_signature
from assay.schema.errors import Refused, Unreachable
from assay.schema.event import Envelope, Event
from assay.workloads.runner import Runner

DOMAIN: Final = Domain(31337, "0x" + "5" * 40)
NOW_MS: Final = 1_790_000_000_000
WAIT_S: Final = 120.0


class PlayedBlobs:
    """Blobs in a dict."""

    def __init__(self, held: dict[str, bytes] | None = None) -> None:
        self.held = {} if held is None else held

    async def get(self, digest: str) -> bytes:
        if digest not in self.held:
            raise Refused("blob.missing", digest)
        return self.held[digest]

    async def save(self, digest: str, path: Path) -> None:
        path.write_bytes(await self.get(digest))

    async def put(self, data: Data, base: str | None = None) -> str:
        with content_of(data) as content:
            self.held[digest := await content.digest()] = b"".join(content.parts())
        return digest


def unsealed(blobs: Any) -> JobBlobs:
    """The blobs of jobs of which none is sealed."""

    async def ask(question: str, body: Any) -> dict[str, Any]:
        raise AssertionError(question)

    return JobBlobs(blobs, ask, Key.generate())


class PlayedFeed:
    """Hands on what is pushed, whoever listens; it can be read at any time."""

    def __init__(self) -> None:
        self.items: list[FeedItem] = []
        self.push: Any = None

    async def feed(self, on_push: Any) -> None:
        self.push = on_push

    async def replay(self, after: int, limit: int = 256) -> list[FeedItem]:
        return [item for item in self.items if item.seq > after][:limit]

    async def say(self, event: Event, source: str = "verification") -> None:
        """What a service says."""
        number = len(self.items) + 1
        said = Envelope.wrap(event, source, NOW_MS, cause=f"e{number}")
        self.items.append(FeedItem(number, said.headers(), said.data))
        if self.push:
            await self.push(self.items[-1])


class PlayedDoor(PlayedBlobs, PlayedFeed):
    """Takes statements, keeps a feed, holds blobs; refuses or is away when told to."""

    def __init__(self, held: dict[str, bytes] | None = None) -> None:
        PlayedBlobs.__init__(self, held)
        PlayedFeed.__init__(self)
        self.told: list[Envelope[Event]] = []
        self.refuse: Callable[[Event], str | None] = lambda event: None
        self.is_away = False
        self.blobs = self
        self.line, self.back = "S:1", asyncio.Event()
        self.beats: list[dict[str, Any]] = []

    async def tell(self, envelope: Envelope[Event]) -> None:
        if self.is_away:
            raise Unreachable("away")
        code = self.refuse(envelope.event)
        if code:
            raise Refused(code)
        check_signature(envelope, DOMAIN)
        self.told.append(envelope)

    async def ask(self, question: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Nothing is to be let go."""
        return {"gone": 0}

    async def beat(self, data: bytes) -> None:
        self.beats.append(json.loads(data))

    def said(self, *kinds: type[Event]) -> list[Any]:
        """What was told, of these kinds."""
        return [envelope.event for envelope in self.told if isinstance(envelope.event, kinds)]


class Machine:
    """A participant's machine: one data folder over several starts of its worker, `start` being each one's own."""

    worker: Any
    journal: Any

    def __init__(self, folder: Path, door: PlayedDoor) -> None:
        self.folder, self.door = folder, door
        self._clock = NOW_MS
        self._stop = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def run(self) -> None:
        """Set the worker to work."""
        self._stop = asyncio.Event()
        self.task = asyncio.create_task(self.worker.run(self._stop))

    def now(self) -> int:
        self._clock += 1
        return self._clock

    def runners(self) -> list[Runner]:
        """The children that outlive a crash."""
        raise NotImplementedError

    async def drain(self) -> None:
        """Leave by plan."""
        self._stop.set()
        assert self.task is not None
        await asyncio.wait_for(self.task, WAIT_S)

    async def crash(self) -> None:
        """Leave without a word, unless the worker has left already."""
        if self.task is None or self.task.done():
            return
        tasks = [self.task, *self.worker._kept.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for runner in self.runners():
            await runner.kill()
        self.journal.close()
        self.door.push = None


async def until(condition: Callable[[], object]) -> None:
    """Return once it is so."""
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0.01)
