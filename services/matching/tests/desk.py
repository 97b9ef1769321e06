"""Matching over real Postgres, told events one by one: the shell's own batches and timers, without a bus."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from services.matching.tests.samples import NOW_MS

from assay.bus.memory import MemoryBus
from assay.bus.port import Message
from assay.matching.main import service
from assay.matching.settings import Settings
from assay.runtime import Context, Service
from assay.runtime.batch import Failed, Heard, handle_batch
from assay.runtime.emission import Speech
from assay.runtime.metrics import Metrics
from assay.runtime.telemetry import Telemetry
from assay.schema import REGISTRY, Envelope, Event
from assay.schema.errors import Retry
from assay.store import Store

OUTBOX = "select headers, data from outbox"


class Clock(Context):
    """A context whose time stands still until it is set."""

    __slots__ = ()

    def now(self) -> int:
        return Desk.now_ms


class Desk:
    """One replica of matching. What it says is read from its outbox."""

    now_ms = NOW_MS

    def __init__(self, ctx: Context, liveness: Any) -> None:
        self.ctx, self.liveness = ctx, liveness
        self.turn = 0

    @classmethod
    async def open(cls, dsn: str) -> "Desk":
        """A replica over the database at `dsn`, migrated."""
        cls.now_ms = NOW_MS
        made: Service = service()
        store = await Store.connect(dsn, made.name)
        await store.migrate(made.migrations)
        telemetry = Telemetry(made.name, 0.0)
        parts = (made, Settings(postgres_dsn=dsn), store, MemoryBus(), Metrics(), telemetry)
        ctx = Clock(*parts, Speech(made, telemetry), asyncio.Event())
        async with ctx.unit() as unit:
            return cls(ctx, unit.ports.liveness)

    async def tell(self, *events: Event) -> list[Event]:
        """What matching says to events that come in one batch."""
        self.turn += 1
        heard = [self.heard(event, turn) for turn, event in enumerate(events)]
        try:
            await handle_batch(self.ctx, heard)
        except Failed as failed:
            raise failed.error from failed
        return await self.said("headers ->> 'ce-cause' = any($1)", [one.said.id for one in heard])

    def heard(self, event: Event, turn: int) -> Heard:
        """The event as the bus would bring it."""
        said = Envelope.wrap(event, "test", Desk.now_ms, cause=f"test.{id(self)}.{self.turn}", turn=turn)
        return Heard(Message(said.subject, said.headers(), said.data), said)

    async def tick(self, name: str) -> list[Event]:
        """What a timer says, at its time."""
        timer = next(timer for timer in self.ctx.service.timers if timer.name == name)
        ((last,),) = await self.rows("select coalesce(max(position), 0) from outbox")
        async with self.ctx.unit() as unit:
            for event in await timer.run(unit.ports, Desk.now_ms):
                unit.emit(event)
        return await self.said("position > $1", last)

    def pass_ms(self, ms: int, heard: Sequence[str] = (), leases: Sequence[str] = (), pulse: bool = True) -> None:
        """Lets time pass second by second, with the pulse and the beats of providers, the first of which has leases."""
        end_ms = Desk.now_ms + ms
        while Desk.now_ms < end_ms:
            Desk.now_ms = min(end_ms, Desk.now_ms + 1_000)
            if pulse:
                self.liveness.pulse(Desk.now_ms)
            for turn, provider in enumerate(heard):
                self.liveness.hear(provider, [] if turn else leases, Desk.now_ms)
        self.liveness.look(Desk.now_ms, 10_000)

    async def said(self, condition: str, value: object) -> list[Event]:
        """What lies in the outbox under a condition."""
        return [_event(row) for row in await self.rows(f"{OUTBOX} where {condition} order by position", value)]

    async def rows(self, sql: str, *args: object) -> list[Any]:
        return [tuple(row) for row in await self.ctx.store.pool.fetch(sql, *args)]

    async def close(self) -> None:
        await self.ctx.store.close()


def _event(row: Any) -> Event:
    headers = json.loads(row[0])
    return REGISTRY[headers["ce-type"].removeprefix("assay.")].model_validate_json(row[1])


def types(events: Sequence[Event]) -> list[str]:
    """The types of events, in order."""
    return [event.type for event in events]


async def patiently(desk: Desk, *events: Event) -> list[Event]:
    """What matching says to a batch, tried again while another replica is in the way."""
    for _ in range(20):
        try:
            return await desk.tell(*events)
        except Retry:
            await asyncio.sleep(0)
    raise AssertionError("the batch was refused twenty times")
