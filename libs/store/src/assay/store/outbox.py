"""The outbox: what transactions laid down is published in order, and marked after the bus has it on disk.

One publisher of a service works at a time (a session lock), so the order of an aggregate's events is the order of
their positions. Published twice is one event: the bus and every inbox know it by its id.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from assay.schema.errors import Retry, Unreachable
from assay.store.faults import typed_faults
from assay.store.store import Store, channel_of
from assay.store.waiting import GATHER_S, wait_for_either, wait_for_event

PAGE: Final = 512
LOOK_S: Final = 1.0
# A publisher that stands still loses its lock to another replica.
STANDSTILL: Final = "15s"
DAY_S: Final = 86_400
OUTBOX_KEPT_S: Final = 7 * DAY_S
# Longer than any stream from which an event can come a second time.
INBOX_KEPT_S: Final = 45 * DAY_S
PRUNE_EVERY_S: Final = 3600.0

NEXT: Final = """
select position, event_id, subject, headers, data from outbox where published_at is null order by position limit $1
"""
MARK: Final = "update outbox set published_at = now() where position = any($1::bigint[])"
PRUNE_OUTBOX: Final = """
delete from outbox where published_at is not null and at < now() - make_interval(secs => $1)
"""
PRUNE_INBOX: Final = "delete from inbox where at < now() - make_interval(secs => $1)"
REPUBLISH: Final = """
update outbox set published_at = null where at >= to_timestamp($1 / 1000.0) and at < to_timestamp($2 / 1000.0)
"""
AGE: Final = """
select count(*), coalesce(extract(epoch from now() - min(at)), 0)::float8 from outbox where published_at is null
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One row as the bus takes it."""

    id: str
    subject: str
    headers: dict[str, str]
    data: bytes


class Publisher(Protocol):
    """The one thing that the outbox needs of a bus."""

    async def publish(self, records: Sequence[Any]) -> None:
        """Returns when the records are on the bus's disk. Raises Retry or Unreachable if that is not known."""


class Outbox:
    """The publisher of one service's outbox."""

    def __init__(self, store: Store, bus: Publisher, on_published: Callable[[Sequence[OutboxRow]], None]) -> None:
        self._store, self._bus, self._on_published = store, bus, on_published
        self._pruned_s = -PRUNE_EVERY_S

    async def run(self, stopping: asyncio.Event) -> None:
        """Publishes until `stopping`; a lost server is waited for. While another replica publishes, stands by."""
        while not stopping.is_set():
            try:
                await self._lead(stopping)
            except (Retry, Unreachable) as error:
                log.warning("outbox waits: %s", error)
                await wait_for_event(stopping, LOOK_S)

    async def flush(self) -> None:
        """Publishes what is there, once; for the end of a process, after `run` has returned.

        Raises Retry or Unreachable; what was not published then is by the next replica or run.
        """
        async with self._session() as connection:
            if await self._try_lock(connection):
                while await self._publish_page(connection):
                    pass

    async def _lead(self, stopping: asyncio.Event) -> None:
        async with self._session() as connection:
            with typed_faults():
                await self._hold(connection, stopping)

    async def _hold(self, connection: Any, stopping: asyncio.Event) -> None:
        while not await self._try_lock(connection):
            if await wait_for_event(stopping, LOOK_S):
                return
        self._store.is_publisher = True
        try:
            await connection.add_listener(channel_of(self._store.service), self._store.wake)
            while not stopping.is_set():
                self._store.put.clear()
                # What is put while a page is on its way sets the event again: a page with room left was the last one.
                if (published := await self._publish_page(connection)) < PAGE:
                    await self._prune_now_and_then()
                    await asyncio.sleep(GATHER_S if published else 0)
                    await wait_for_either(self._store.put, stopping, LOOK_S)
        finally:
            self._store.is_publisher = False

    async def _publish_page(self, connection: Any) -> int:
        with typed_faults():
            rows = await connection.fetch(NEXT, PAGE)
        if not rows:
            return 0
        records = [OutboxRow(row[1], row[2], json.loads(row[3]), row[4]) for row in rows]
        await self._bus.publish(records)
        with typed_faults():
            await connection.execute(MARK, [row[0] for row in rows])
        self._on_published(records)
        return len(rows)

    async def prune(self) -> None:
        """Forgets what is published and old, and ids from before any event that can still come again."""
        async with self._store.transaction() as tx:
            await tx.execute(PRUNE_OUTBOX, float(OUTBOX_KEPT_S))
            await tx.execute(PRUNE_INBOX, float(INBOX_KEPT_S))

    async def _prune_now_and_then(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._pruned_s > PRUNE_EVERY_S:
            self._pruned_s = now_s
            await self.prune()

    async def _try_lock(self, connection: Any) -> bool:
        with typed_faults():
            key = f"outbox:{self._store.service}"
            return bool(await connection.fetchval("select pg_try_advisory_lock(hashtextextended($1, 0))", key))

    def _session(self) -> Any:
        # This connection only marks: a mark that a power cut takes back leads to a second publish of the
        # same id, which changes nothing, so it need not wait for the disk.
        return self._store.session(synchronous_commit="off", idle_session_timeout=STANDSTILL)


async def republish(store: Store, since_ms: int, until_ms: int) -> int:
    """How many kept events of a time range were laid out again, to fill a bus that has lost them."""
    async with store.transaction() as tx:
        tag = await tx.execute(REPUBLISH, since_ms, until_ms)
        tx.has_put = True
    return int(tag.rpartition(" ")[2])


async def backlog(store: Store) -> tuple[int, float]:
    """How many events wait to be published, and the age of the oldest in seconds."""
    async with store.reading() as tx:
        row = await tx.fetchrow(AGE)
    return (int(row[0]), float(row[1])) if row else (0, 0.0)
