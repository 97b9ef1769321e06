"""A stream and its consumers in memory: keeps everything, drops repeats by id, delivers again what is not acked."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from assay.bus.port import FETCH_MAX, Message, Record
from assay.bus.streams import ACK_PENDING_MAX
from assay.bus.subjects import fits


class MemoryStream:
    """The records of a stream in order; sequences start at 1."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.stored_ms: list[int] = []
        self._ids: set[str] = set()
        self._news = asyncio.Event()

    def append(self, record: Record) -> None:
        """Keep the record unless its id is in."""
        if record.id not in self._ids:
            self._ids.add(record.id)
            self.records.append(record)
            self.stored_ms.append(time.time_ns() // 1_000_000)
            self.stir()

    def stir(self) -> None:
        """Wake every reader that waits."""
        self._news.set()
        self._news = asyncio.Event()

    async def wait(self, wait_s: float) -> None:
        """Returns at the next news, or after the time."""
        try:
            async with asyncio.timeout(wait_s):
                await self._news.wait()
        except TimeoutError:
            return


@dataclass
class Pending:
    """A message that was delivered and is not settled: when it is due again, and how often it was delivered."""

    due: float
    deliveries: int


@dataclass
class Durable:
    """How far one durable consumer has come."""

    stream: MemoryStream
    subjects: Sequence[str]
    ack_wait_s: float
    read: int = 0
    pending: dict[int, Pending] = field(default_factory=dict)

    def take(self, now: float, room: int) -> list[Message]:
        """The messages to deliver now: those due again, then new ones."""
        chosen = sorted(sequence for sequence, pending in self.pending.items() if pending.due <= now)[:room]
        chosen += self._new(min(room - len(chosen), ACK_PENDING_MAX - len(self.pending)))
        return [self._deliver(sequence, now) for sequence in chosen]

    def next_due(self) -> float | None:
        """When something is due again, if anything is."""
        return min((pending.due for pending in self.pending.values()), default=None)

    def _new(self, room: int) -> list[int]:
        found: list[int] = []
        while len(found) < room and self.read < len(self.stream.records):
            self.read += 1
            if any(fits(filter_, self.stream.records[self.read - 1].subject) for filter_ in self.subjects):
                found.append(self.read)
        return found

    def _deliver(self, sequence: int, now: float) -> Message:
        record = self.stream.records[sequence - 1]
        pending = self.pending.setdefault(sequence, Pending(now, 0))
        pending.due, pending.deliveries = now + self.ack_wait_s, pending.deliveries + 1
        headers = {**record.headers, "Nats-Msg-Id": record.id}
        stored_ms = self.stream.stored_ms[sequence - 1]
        return Message(record.subject, headers, record.data, pending.deliveries, sequence, stored_ms)


class MemoryConsumer:
    """One replica's reader of a durable consumer."""

    def __init__(self, durable: Durable) -> None:
        self._durable = durable
        self._is_closed = False

    async def fetch(self, max_messages: int = FETCH_MAX, wait_s: float = 1.0) -> list[Message]:
        """Whatever has arrived, at once; else the first thing that comes within `wait_s`; or nothing."""
        clock = asyncio.get_running_loop().time
        until = clock() + wait_s
        while True:
            now = clock()
            if (messages := self._durable.take(now, max_messages)) or now >= until or self._is_closed:
                return messages
            due = self._durable.next_due()
            await self._durable.stream.wait(min(until, due if due is not None else until) - now)

    async def ack(self, messages: Sequence[Message]) -> None:
        """Settle the messages."""
        for message in messages:
            self._durable.pending.pop(message.stream_sequence, None)

    async def nak(self, message: Message, delay_s: float) -> None:
        """Ask for the message again after the delay."""
        if pending := self._durable.pending.get(message.stream_sequence):
            pending.due = asyncio.get_running_loop().time() + delay_s
            self._durable.stream.stir()

    async def term(self, message: Message) -> None:
        """Never ask for the message again."""
        await self.ack([message])

    async def close(self) -> None:
        """End a fetch that waits."""
        self._is_closed = True
        self._durable.stream.stir()
