"""Discovery over real Postgres, told events one by one: the shell's own batches and timers, without a bus."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from services.discovery.tests.samples import NOW_MS, provider_of

from assay.bus.memory import MemoryBus
from assay.bus.port import Message
from assay.discovery.main import service
from assay.discovery.settings import Settings
from assay.runtime import Context
from assay.runtime.batch import Failed, Heard, handle_batch
from assay.runtime.emission import Speech
from assay.runtime.metrics import Metrics
from assay.runtime.telemetry import Telemetry
from assay.schema import REGISTRY, Envelope, Event
from assay.store import Store

OUTBOX = "select headers, data from outbox"


class Clock(Context):
    """A context whose time stands still until it is set."""

    __slots__ = ()

    def now(self) -> int:
        return Desk.now_ms


class Desk:
    """One replica of discovery. What it says is read from its outbox."""

    now_ms = NOW_MS

    def __init__(self, ctx: Context, pulse: Any) -> None:
        self.ctx, self.pulse = ctx, pulse
        self.turn = 0

    @classmethod
    async def open(cls, dsn: str, **settings: Any) -> "Desk":
        """A replica over the database at `dsn`, migrated."""
        cls.now_ms = NOW_MS
        made = service()
        store = await Store.connect(dsn, made.name)
        await store.migrate(made.migrations)
        telemetry = Telemetry(made.name, 0.0)
        parts = (made, Settings(postgres_dsn=dsn, **settings), store, MemoryBus(), Metrics(), telemetry)
        ctx = Clock(*parts, Speech(made, telemetry), asyncio.Event())
        async with ctx.unit() as unit:
            return cls(ctx, unit.ports.pulse)

    async def tell(self, *events: Event) -> list[Event]:
        """What discovery says to events that come in one batch."""
        self.turn += 1
        heard = [self.heard(event, turn) for turn, event in enumerate(events)]
        try:
            await handle_batch(self.ctx, heard)
        except Failed as failed:
            raise failed.error from failed
        return await self.said("headers ->> 'ce-cause' = any($1)", [one.said.id for one in heard])

    def heard(self, event: Event, turn: int) -> Heard:
        """The event as the bus would bring it."""
        said = Envelope.wrap(event, "test", Desk.now_ms, cause=f"test.{self.turn}", turn=turn)
        return Heard(Message(said.subject, said.headers(), said.data), said)

    async def watch(self) -> list[Event]:
        """What the timer says, at its time."""
        (timer,) = self.ctx.service.timers
        ((last,),) = await self.rows("select coalesce(max(position), 0) from outbox")
        async with self.ctx.unit() as unit:
            for event in await timer.run(unit.ports, Desk.now_ms):
                unit.emit(event)
        return await self.said("position > $1", last)

    async def pass_ms(self, ms: int, heard: Sequence[int] = (), pulse: bool = True) -> None:
        """Lets time pass, at whose end these providers are heard; the gateway's pulse comes each second."""
        end_ms = Desk.now_ms + ms
        while Desk.now_ms < end_ms:
            Desk.now_ms = min(end_ms, Desk.now_ms + 1_000)
            if pulse:
                self.pulse.beat(Desk.now_ms)
        async with self.ctx.unit() as unit:
            await unit.ports.registry.heard({provider_of(number): Desk.now_ms for number in heard})

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
