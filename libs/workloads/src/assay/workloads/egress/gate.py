"""The gate of a box: a proxy in the worker, on a socket that was opened inside of the box and handed out of it.

The box has a network of its own without a way out. Before it confines itself, its first process listens there on
loopback, hands that socket to its parent over a pair that it inherited, and forgets both. So what connects within the
box is accepted here, and there is no path, no port and no descriptor by which anything else could be reached: not the
proxy of another lease either.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from assay.workloads.egress.errors import NotReached
from assay.workloads.egress.outside import READ_BYTES, Outside, Stream
from assay.workloads.egress.request import read_request
from assay.workloads.egress.rules import is_listed
from assay.workloads.sandbox.errors import SandboxUnavailable

SEGMENT_BYTES_MAX: Final = 1 << 30
"""What programs of a segment may send and receive together: a household's line stays usable."""
SEGMENT_CONNECTIONS_MAX: Final = 2_000
CONNECTIONS_MAX: Final = 32
LOOKUPS_MAX: Final = 4
"""So many names of a box are looked up at a time, those included for which nobody waits any more."""
HEAD_S: Final = 10.0
IDLE_S: Final = 60.0
OVER_S: Final = 0.1
LINGER_S: Final = 1.0
LOGGED_MAX: Final = 100
"""So many different refusals of a box are logged: a program must not fill its provider's disk."""
CHUNK_BYTES: Final = 64 << 10

log = logging.getLogger(__name__)


class Gate:
    """The proxy of one box. `end` is the descriptor that its first process inherits."""

    def __init__(self, listed: Sequence[str], outside: Outside) -> None:
        self._listed, self._outside = listed, outside
        self._own, self._theirs = socket.socketpair()
        self._tasks = set[asyncio.Task[None]]()
        self._room = asyncio.Semaphore(CONNECTIONS_MAX)
        self._lookups = asyncio.Semaphore(LOOKUPS_MAX)
        self._told = set[str]()
        self._connections, self._bytes = 0, 0

    @property
    def end(self) -> int:
        """What the first process of the box inherits."""
        return self._theirs.fileno()

    def inherited(self) -> None:
        """Keep the other end no longer: a process was started that has it."""
        self._theirs.close()

    def open(self) -> None:
        """Answer at the socket that was handed out of the box. Raises SandboxUnavailable if none was."""
        self._own.setblocking(False)
        received: list[int] = []
        with suppress(OSError):
            _, received, *_ = socket.recv_fds(self._own, 1, 1)
        if not received:
            raise SandboxUnavailable("The box has handed out no socket.")
        listener = socket.socket(fileno=received[0])
        listener.set_inheritable(False)
        listener.setblocking(False)
        self._start(self._accept(listener))

    def take(self) -> int:
        """Return how many bytes went in and out since this was asked last; a segment's limits begin anew."""
        taken, self._bytes, self._connections = self._bytes, 0, 0
        return taken

    async def close(self) -> None:
        """End all connections, for good."""
        for each in (self._own, self._theirs):
            each.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(self, listener: socket.socket) -> None:
        """Take connections, so many at a time; of a segment that has had all of its own, seldom, to say so."""
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                await self._room.acquire()
                if self._connections >= SEGMENT_CONNECTIONS_MAX:
                    await asyncio.sleep(OVER_S)
                try:
                    connection, _ = await loop.sock_accept(listener)
                except OSError:
                    # The worker has no descriptor left; whoever connects waits in line.
                    self._room.release()
                    await asyncio.sleep(OVER_S)
                    continue
                self._connections += 1
                held = self._start(self._hold(connection))
                held.add_done_callback(lambda _: self._room.release())

    async def _hold(self, connection: socket.socket) -> None:
        """One connection from its head to its end."""
        reader, writer = await asyncio.open_connection(sock=connection, limit=READ_BYTES)
        with suppress(OSError, EOFError):
            async with ended(writer):
                try:
                    await self._serve((reader, writer))
                except NotReached as refusal:
                    self._note(refusal)
                    writer.write(refusal.answer())
                    writer.write_eof()
                    # Who is cut off while it speaks hears nothing of why.
                    async with asyncio.timeout(LINGER_S):
                        while await reader.read(CHUNK_BYTES):
                            pass

    def _note(self, refusal: NotReached) -> None:
        if str(refusal) not in self._told and len(self._told) < LOGGED_MAX:
            self._told.add(str(refusal))
            log.warning("egress refused: %s", refusal, extra={"code": refusal.code})

    async def _serve(self, inside: Stream) -> None:
        if self._connections > SEGMENT_CONNECTIONS_MAX:
            raise NotReached("egress.connections", f"A segment may connect {SEGMENT_CONNECTIONS_MAX} times.")
        head = await read_head(inside[0])
        asked = read_request(head)
        if not is_listed(self._listed, asked.host, asked.port):
            raise NotReached("egress.unlisted", f"{asked.host}:{asked.port} is not in the job's egress.")
        self._spend(len(head))
        outside = await self._outside.reach(asked.host, asked.port, self._lookups)
        async with ended(outside[1]):
            await self._join(inside, outside, asked.head, asked.body_bytes)

    async def _join(self, inside: Stream, outside: Stream, head: bytes, body_bytes: int) -> None:
        """Carry what is said, both ways in a tunnel; of a message its body, and what comes back."""
        (outside[1] if head else inside[1]).write(head or b"HTTP/1.1 200 Connected\r\n\r\n")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(IDLE_S) as idle, asyncio.TaskGroup() as both:

                def moved(size: int) -> None:
                    self._spend(size)
                    if not idle.expired():
                        idle.reschedule(loop.time() + IDLE_S)

                both.create_task(carry(inside[0], outside[1], moved, body_bytes if head else None))
                both.create_task(carry(outside[0], inside[1], moved))
        except* NotReached as refused:
            # In the midst of a tunnel nothing can be told but by its end.
            self._note(first_of(refused))
        except* (OSError, EOFError):
            pass

    def _spend(self, size: int) -> None:
        self._bytes += size
        if self._bytes > SEGMENT_BYTES_MAX:
            raise NotReached("egress.bytes", f"A segment may send and receive {SEGMENT_BYTES_MAX} bytes.")


def gate_of(listed: Sequence[str], outside: Outside) -> Gate | None:
    """Return the gate of a box whose programs reach these hosts; none for a box without any."""
    return Gate(listed, outside) if listed else None


@asynccontextmanager
async def ended(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """End a connection for good, whose other side may never read what is left for it. Raises OSError."""
    try:
        yield
        writer.close()
        async with asyncio.timeout(HEAD_S):
            await writer.wait_closed()
    finally:
        writer.transport.abort()


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """Return what comes up to the first empty line, that included. Raises NotReached, EOFError, OSError."""
    try:
        async with asyncio.timeout(HEAD_S):
            return await reader.readuntil(b"\r\n\r\n")
    except TimeoutError:
        raise NotReached("egress.slow", f"Its head did not come within {HEAD_S:.0f} s.") from None
    except asyncio.LimitOverrunError:
        raise NotReached("egress.too_large", f"A head has {READ_BYTES} bytes at most.") from None


async def carry(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, moved: Callable[[int], None], left: int | None = None
) -> None:
    """Carry what comes until it ends, and say so; or `left` bytes of it. Raises OSError, what `moved` raises."""
    while left is None or left:
        data = await source.read(CHUNK_BYTES if left is None else min(left, CHUNK_BYTES))
        if not data:
            break
        moved(len(data))
        target.write(data)
        await target.drain()
        left = left if left is None else left - len(data)
    if left is None and target.can_write_eof():
        target.write_eof()


def first_of(group: BaseExceptionGroup[NotReached]) -> NotReached:
    """Return the first exception of a group."""
    first = group.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first
