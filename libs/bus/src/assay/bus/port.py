"""What the rest of Assay asks of a bus: durable events, questions, pushes that may be lost, and blobs.

Two things keep the promises: `jetstream.JetStreamBus` and its twin `memory.MemoryBus`. One suite of tests holds both.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from assay.bus.content import Data
from assay.bus.layout import Run
from assay.schema.streams import Stream

FETCH_MAX = 256
ACK_WAIT_S = 30.0
ASK_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Record:
    """A message to be published durably: what an outbox row holds. `id` is the event's id."""

    id: str
    subject: str
    headers: Mapping[str, str]
    data: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """A message that came. `deliveries` counts from 1, `stored_ms` is when the stream took it in, by the bus's clock.

    The three numbers are 0 where no stream was in between. `reply` is where an answer or an acknowledgement goes; only
    the bus looks at it.
    """

    subject: str
    headers: Mapping[str, str]
    data: bytes
    deliveries: int = 0
    stream_sequence: int = 0
    stored_ms: int = 0
    reply: str = field(default="", repr=False)


Answer = bytes | tuple[Mapping[str, str], bytes]
Base = tuple[str, Sequence[Run]]
"""What a blob borrows: another of the same owner, and which of its parts lie where."""
OnMessage = Callable[[Message], Awaitable[None]]
OnRequest = Callable[[Message], Awaitable[Answer]]


class Subscription(Protocol):
    """An interest in a subject that lasts until it is closed."""

    async def close(self) -> None:
        """End the interest; what has arrived already is still handled."""


class Consumer(Protocol):
    """One durable reader of a stream, shared by the replicas of a service."""

    async def fetch(self, max_messages: int = FETCH_MAX, wait_s: float = 1.0) -> list[Message]:
        """Whatever has arrived, at once; if that is nothing, the first thing that comes within `wait_s`, or nothing.

        Raises Unreachable once the connection is closed for good; while it is lost, nothing arrives.
        """

    async def ack(self, messages: Sequence[Message]) -> None:
        """Settle the messages; returns when the server knows. Raises Retry if it is not known whether it does."""

    async def nak(self, message: Message, delay_s: float) -> None:
        """Ask for the message again after the delay."""

    async def term(self, message: Message) -> None:
        """Never ask for the message again."""

    async def close(self) -> None:
        """End a fetch that waits: it returns what has arrived. Nothing is fetched after this."""


class Blobs(Protocol):
    """Data too big for an event, named by its BLAKE3 digest. A blob that is there is whole and true to its name."""

    def __hash__(self) -> int:
        """A store is itself alone: what was read of it is kept by it."""

    async def put(self, data: Data) -> str:
        """The digest of the data, which is stored when this returns; of a file a few parts are in memory at a time."""

    async def get(self, digest: str) -> bytes:
        """The data, checked against the digest. Raises Refused: blob.missing, blob.mismatch."""

    async def save(self, digest: str, path: Path) -> None:
        """Write the data to a file, checked against the digest on the way, a few parts in memory at a time.

        Raises Refused: blob.missing, blob.mismatch; then there is no file.
        """

    async def has(self, digest: str) -> bool:
        """Whether the whole blob is stored."""

    async def size(self, digest: str) -> int:
        """How many bytes the blob has. Raises Refused: blob.missing."""


class BlobStore(Blobs, Protocol):
    """The blobs as the core has them: in parts (see `parts`), so that a door can pass them on piece by piece.

    An `owner` is a token, the account that uploads: nobody's parts can spoil the upload of another.
    """

    async def has(self, digest: str, is_fresh: bool = True) -> bool:
        """Whether the whole blob is stored; if not `is_fresh`, as far as it is remembered since `forget`."""

    async def holds(self, owner: str, digest: str, is_fresh: bool = True) -> bool:
        """Whether the owner uploaded the whole blob itself, and has not let it go; `is_fresh` as with `has`."""

    def forget(self) -> None:
        """Ask the store again, whatever is remembered: something was let go elsewhere."""

    async def until_s(self, digest: str) -> int:
        """Until when the blob is kept, in seconds since 1970. Raises Refused: blob.missing."""

    async def sources(self, owner: str, digest: str) -> set[str]:
        """The blobs that brought the parts of a blob of the owner. Raises Refused: blob.missing."""

    async def let_go(self, owner: str, digest: str, borrowers: Iterable[str] = ()) -> None:
        """Delete what the owner uploaded as this blob, but for parts that these other blobs of it borrow.

        The copy of another holder stays. May be repeated. Raises Retry.
        """

    async def read(self, digest: str, offset: int) -> bytes:
        """The part of a whole blob that starts at `offset`. Raises Refused: blob.missing."""

    async def write(self, digest: str, offset: int, total: int, part: bytes, owner: str) -> None:
        """Store one part of a blob of `total` bytes, which nobody sees before `seal`; a whole blob stays as it is.

        Raises Refused: blob.oversized, blob.mismatch (no part can lie there).
        """

    async def keep(self, digest: str, data: bytes, owner: str) -> None:
        """Store a whole blob of an owner at once. Raises Refused: blob.oversized, blob.mismatch."""

    async def missing(self, digest: str, total: int, owner: str) -> list[int]:
        """The offsets of the parts that the owner has still to write, whoever else wrote them; none if it holds all."""

    async def seal(self, digest: str, total: int, owner: str, base: Base | None = None) -> None:
        """Make the blob whole after all its parts, those apart that it borrows of another blob of the owner.

        Raises Refused: blob.missing (a part, or the base), blob.mismatch.
        """


class Bus(Protocol):
    """The bus as a service has it."""

    @property
    def blobs(self) -> BlobStore:
        """Where data too big for an event is."""

    @property
    def is_connected(self) -> bool:
        """Whether messages flow at this moment; a lost connection is taken up again by itself."""

    async def ensure_streams(self, streams: Sequence[Stream]) -> None:
        """Make the streams as the table says, or change them to it, and the store of blobs."""

    async def fullness(self, streams: Iterable[str]) -> dict[str, float]:
        """The part of what it may hold that each of these streams of events holds. Raises Retry, Unreachable."""

    async def consumer(
        self,
        stream: str,
        durable: str,
        subjects: Sequence[str],
        ack_wait_s: float = ACK_WAIT_S,
    ) -> Consumer:
        """The durable consumer with these filter subjects, made or changed to it; it starts at the stream's start."""

    async def publish(self, records: Sequence[Record]) -> None:
        """Put the records into their streams, in order within each; returns when they are on disk.

        A record whose id is in already changes nothing. Raises Retry if it is not known whether all are in: publish
        the same records again. Raises Unreachable once the connection is closed for good.
        """

    async def say(self, subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send what may be lost: a heartbeat, a push."""

    async def listen(self, subject: str, on: OnMessage, queue: str = "") -> Subscription:
        """Hear what is said on a subject, one after the other, from when this returns; of a queue one member hears."""

    async def serve(self, subject: str, on: OnRequest, queue: str = "") -> Subscription:
        """Answer what is asked on a subject, several at a time; a typed error becomes a typed refusal."""

    async def ask(
        self,
        subject: str,
        data: bytes,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = ASK_TIMEOUT_S,
    ) -> Message:
        """The answer. Raises Refused as the other side did, Unreachable if nobody serves, Retry after the timeout."""

    async def check_safe(self) -> None:
        """Raises Unsafe unless every server is seen to keep on disk what it acknowledges."""

    async def close(self) -> None:
        """Send what is still to be sent, and leave."""
