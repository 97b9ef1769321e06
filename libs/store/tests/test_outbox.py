"""The outbox publishes everything in order, at least once, and forgets only what is published and old."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from libs.store.tests.test_transaction import Row

from assay.schema.errors import Retry, Unreachable
from assay.store.outbox import INBOX_KEPT_S, OUTBOX_KEPT_S, Outbox, backlog, republish
from assay.store.store import Store

pytestmark = pytest.mark.server

OpenStore = Callable[[], Awaitable[Store]]


class Bus:
    """Takes what is published; fails as often as it is told, before or after."""

    def __init__(self, *faults: str) -> None:
        self.ids: list[str] = []
        self.calls = 0
        self._faults = list(faults)

    async def publish(self, records: Sequence[Any]) -> None:
        self.calls += 1
        fault = self._faults.pop(0) if self._faults else ""
        if fault == "before":
            raise Unreachable("gone")
        self.ids += [record.id for record in records]
        if fault == "after":
            raise Retry("no answer")


async def put(store: Store, *ids: str) -> None:
    async with store.transaction() as tx:
        await tx.put([Row(id_) for id_ in ids])


async def until(holds: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end_s
        await asyncio.sleep(0.01)


async def run(outbox: Outbox, holds: Callable[[], bool]) -> None:
    """Runs an outbox until something holds."""
    stopping = asyncio.Event()
    running = asyncio.create_task(outbox.run(stopping))
    await until(holds)
    stopping.set()
    await running


@pytest.mark.parametrize("faults", [(), ("before",), ("after",), ("after", "before", "after")])
async def test_everything_is_published_in_order_whatever_fails(store: Store, faults: tuple[str, ...]) -> None:
    bus, ids = Bus(*faults), [f"e{n}" for n in range(20)]
    await put(store, *ids)
    await run(Outbox(store, bus, lambda rows: None), lambda: bus.calls > len(faults))
    assert list(dict.fromkeys(bus.ids)) == ids
    assert bus.ids[-20:] == ids
    assert await backlog(store) == (0, 0.0)


async def test_nothing_is_marked_before_the_bus_has_it(store: Store) -> None:
    await put(store, "e1")
    with pytest.raises(Retry):
        await Outbox(store, Bus("after"), lambda rows: None).flush()
    assert (await backlog(store))[0] == 1


async def test_a_commit_wakes_the_publisher_on_this_and_another_replica(open_store: OpenStore) -> None:
    one, other, bus = await open_store(), await open_store(), Bus()
    stopping = asyncio.Event()
    outboxes = [asyncio.create_task(Outbox(store, bus, lambda rows: None).run(stopping)) for store in (one, other)]
    await until(lambda: one.is_publisher or other.is_publisher)
    for number, store in enumerate([one, other] * 5):
        await put(store, f"e{number}")
        await until(lambda: len(bus.ids) == number + 1)  # noqa: B023 - awaited within the turn
    assert one.is_publisher != other.is_publisher
    stopping.set()
    await asyncio.gather(*outboxes)
    assert bus.ids == [f"e{n}" for n in range(10)]


async def test_another_replica_takes_over(open_store: OpenStore) -> None:
    one, other, bus = await open_store(), await open_store(), Bus()
    await run(Outbox(one, bus, lambda rows: None), lambda: one.is_publisher)
    await put(one, "e1")
    await run(Outbox(other, bus, lambda rows: None), lambda: bus.ids == ["e1"])


async def test_the_publisher_outlives_its_connection(store: Store) -> None:
    bus = Bus()
    kill = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and query ~ 'outbox'"

    async def cut() -> None:
        await until(lambda: store.is_publisher)
        async with store.transaction() as tx:
            await tx.fetch(kill)
        await put(store, "e1")

    cutting = asyncio.create_task(cut())
    await run(Outbox(store, bus, lambda rows: None), lambda: bus.ids == ["e1"])
    await cutting


async def test_old_rows_go_but_never_an_unpublished_one(store: Store) -> None:
    bus = Bus()
    await put(store, "old", "unpublished", "young")
    async with store.transaction() as tx:
        await tx.execute("update outbox set published_at = now() where event_id = 'old'")
        await tx.execute(
            "update outbox set at = now() - make_interval(secs => $1) where event_id <> 'young'", OUTBOX_KEPT_S + 1.0
        )
        await tx.take(["old", "young"])
        await tx.execute(
            "update inbox set at = now() - make_interval(secs => $1) where event_id = 'old'", INBOX_KEPT_S + 1.0
        )
    assert (await backlog(store))[1] > OUTBOX_KEPT_S
    outbox = Outbox(store, bus, lambda rows: None)
    await outbox.prune()
    async with store.transaction() as tx:
        assert [row[0] for row in await tx.fetch("select event_id from inbox")] == ["young"]
        rows = await tx.fetch("select event_id from outbox order by position")
    assert [row[0] for row in rows] == ["unpublished", "young"]


async def test_a_range_of_time_is_published_again(store: Store) -> None:
    bus = Bus()
    await put(store, "e1", "e2")
    outbox = Outbox(store, bus, lambda rows: None)
    await outbox.flush()
    now_ms = int(time.time() * 1000)
    assert await republish(store, 0, now_ms - 60_000) == 0
    assert await republish(store, now_ms - 60_000, now_ms + 60_000) == 2
    await outbox.flush()
    assert bus.ids == ["e1", "e2"] * 2
