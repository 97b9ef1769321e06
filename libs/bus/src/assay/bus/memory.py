"""The twin of the bus for tests without a server: it delivers again and drops repeats as NATS does.

Permissions are not modelled; accounts are, in that `account(token)` sees the core as a participant does.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from assay.bus.batches import cut, stream_name_of
from assay.bus.blobs import StoredBlobs
from assay.bus.memory_core import Hearer, MemoryCore
from assay.bus.memory_keeper import MemoryKeeper
from assay.bus.memory_stream import Durable, MemoryConsumer, MemoryStream
from assay.bus.port import ACK_WAIT_S, ASK_TIMEOUT_S, Message, OnMessage, Record
from assay.schema.errors import Unreachable
from assay.schema.streams import STREAMS, Stream

BOUND = ("ingest", "ask", "cmd")


class MemoryBus(MemoryCore):
    """One bus, shared by all who would connect to the same server."""

    def __init__(self) -> None:
        super().__init__()
        self.blobs = StoredBlobs(MemoryKeeper())
        self.streams: dict[str, MemoryStream] = {}
        self._durables: dict[tuple[str, str], Durable] = {}
        self._closed = False

    @property
    def is_connected(self) -> bool:
        """Whether messages flow at this moment."""
        return not self._closed

    async def ensure_streams(self, streams: Sequence[Stream] = STREAMS) -> None:
        """Make the streams."""
        for stream in streams:
            self.streams.setdefault(stream.name, MemoryStream())

    async def fullness(self, streams: Iterable[str]) -> dict[str, float]:
        """What each of these streams of events holds of what it may: none is ever full."""
        return dict.fromkeys(streams, 0.0)

    async def consumer(
        self,
        stream: str,
        durable: str,
        subjects: Sequence[str],
        ack_wait_s: float = ACK_WAIT_S,
    ) -> MemoryConsumer:
        """The durable consumer with these filter subjects; it starts at the stream's start."""
        found = self._durables.setdefault((stream, durable), Durable(self._stream(stream), subjects, ack_wait_s))
        found.subjects, found.ack_wait_s = subjects, ack_wait_s
        return MemoryConsumer(found)

    async def publish(self, records: Sequence[Record]) -> None:
        """Put the records into their streams, in order within each; who listens to the subject hears them too."""
        for batch in cut(records):
            stream = self._stream_of(batch[0])
            for record in batch:
                stream.append(record)
                self.deliver(Message(record.subject, {**record.headers, "Nats-Msg-Id": record.id}, record.data))

    async def check_safe(self) -> None:
        """Nothing: there is no disk that could lose anything."""

    async def close(self) -> None:
        """End every interest."""
        self._closed = True
        await self.leave()

    def account(self, token: str) -> "MemoryAccount":
        """The bus as the participant with this account sees it."""
        return MemoryAccount(self, token)

    def _stream(self, name: str) -> MemoryStream:
        if name not in self.streams:
            raise Unreachable(f"There is no stream {name}.")
        return self.streams[name]

    def _stream_of(self, record: Record) -> MemoryStream:
        return self._stream(stream_name_of(record.subject))


class MemoryAccount:
    """A participant's line: what it says, asks and hears stands under its own token in the core."""

    def __init__(self, core: MemoryCore, token: str) -> None:
        self._core = core
        self._token = token
        self._hearers: list[Hearer] = []
        self.is_connected = True
        self.line, self.back = "memory", asyncio.Event()

    async def say(self, subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send what may be lost."""
        await self._core.say(self._in_core(subject), data, headers)

    async def listen(self, subject: str, on: OnMessage, queue: str = "") -> Hearer:
        """Hear one's own commands, and the public subjects."""
        hearer = await self._core.listen(self._in_core(subject), on, queue)
        self._hearers.append(hearer)
        return hearer

    async def ask(
        self, subject: str, data: bytes, headers: Mapping[str, str] | None = None, timeout_s: float = ASK_TIMEOUT_S
    ) -> Message:
        """The answer of whoever serves it in the core."""
        return await self._core.ask(self._in_core(subject), data, headers, timeout_s)

    async def close(self) -> None:
        """End every interest of this account."""
        self.is_connected = False
        for hearer in self._hearers:
            await hearer.close()

    def _in_core(self, subject: str) -> str:
        first, _, rest = subject.partition(".")
        return f"{first}.{self._token}.{rest}" if first in BOUND else subject
