"""A service over real Postgres, told events one by one: the shell's own batches and timers, without a bus."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from assay.bus.memory import MemoryBus
from assay.bus.port import Message
from assay.runtime import Context, Service
from assay.runtime.batch import Failed, Heard, handle_batch
from assay.runtime.emission import Speech
from assay.runtime.metrics import Metrics
from assay.runtime.settings import ServiceSettings
from assay.runtime.telemetry import Telemetry
from assay.schema import REGISTRY, Envelope, Event
from assay.store import Store

OUTBOX = "select headers, data from outbox"


class Clock(Context):
    """A context whose time stands still until it is set."""

    __slots__ = ()
    desk: "ClassVar[type[Desk]]"

    def now(self) -> int:
        return self.desk.now_ms


class Desk:
    """One replica of a service, at the time of all its replicas. What it says is read from its outbox."""

    now_ms: ClassVar[int]

    def __init__(self, ctx: Context, ports: Any) -> None:
        self.ctx, self.ports = ctx, ports
        self.turn = 0

    @classmethod
    async def of(cls, service: Service, settings: ServiceSettings, now_ms: int) -> Self:
        """A replica over the database that the settings name, migrated."""
        cls.now_ms = now_ms
        store = await Store.connect(settings.dsn, service.name)
        await store.migrate(service.migrations)
        telemetry = Telemetry(service.name, 0.0)
        parts = (service, settings, store, MemoryBus(), Metrics(), telemetry)
        clock = type("Clock", (Clock,), {"__slots__": (), "desk": cls})
        ctx = clock(*parts, Speech(service, telemetry), asyncio.Event())
        async with ctx.unit() as unit:
            return cls(ctx, unit.ports)

    async def tell(self, *events: Event) -> list[Any]:
        """What the service says to events that come in one batch."""
        self.turn += 1
        heard = [self.heard(event, turn) for turn, event in enumerate(events)]
        try:
            await handle_batch(self.ctx, heard)
        except Failed as failed:
            raise failed.error from failed
        return await self.said("headers ->> 'ce-cause' = any($1)", [one.said.id for one in heard])

    def heard(self, event: Event, turn: int) -> Heard:
        """The event as the bus would bring it."""
        said = Envelope.wrap(event, "test", self.now_ms, cause=f"test.{id(self)}.{self.turn}", turn=turn)
        return Heard(Message(said.subject, said.headers(), said.data), said)

    async def tick(self, name: str) -> list[Event]:
        """What a timer says, at its time."""
        timer = next(timer for timer in self.ctx.service.timers if timer.name == name)
        ((last,),) = await self.rows("select coalesce(max(position), 0) from outbox")
        async with self.ctx.unit() as unit:
            for event in await timer.run(unit.ports, self.now_ms):
                unit.emit(event)
        return await self.said("position > $1", last)

    async def said(self, condition: str, value: object) -> list[Event]:
        """What lies in the outbox under a condition."""
        return [_event(row) for row in await self.rows(f"{OUTBOX} where {condition} order by position", value)]

    async def rows(self, sql: str, *args: object) -> list[Any]:
        async with self.ctx.store.reading() as tx:
            return [tuple(row) for row in await tx.fetch(sql, *args)]

    async def close(self) -> None:
        await self.ctx.store.close()


def types(events: Sequence[Event]) -> list[str]:
    """The types of events, in order."""
    return [event.type for event in events]


def _event(row: Any) -> Event:
    headers = json.loads(row[0])
    return REGISTRY[headers["ce-type"].removeprefix("assay.")].model_validate_json(row[1])
