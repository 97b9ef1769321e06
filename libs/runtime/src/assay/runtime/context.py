"""What a service's tasks and questions have of their shell: bus, store, clock, and units of work."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from assay.bus.port import Bus
from assay.runtime.emission import Emission, Speech
from assay.runtime.metrics import Metrics
from assay.runtime.service import Service
from assay.runtime.settings import ServiceSettings
from assay.runtime.telemetry import Telemetry
from assay.schema import Envelope, Event
from assay.store.store import Store
from assay.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Unit:
    """One transaction of a task: what it emits goes through the same checks and outbox as what a handler returns."""

    tx: Transaction
    ports: Any
    emission: Emission
    cause: str | None

    def emit(self, event: Event) -> Envelope[Event]:
        """The envelope in which `event` is said with the commit."""
        return self.emission.add(event, self.cause)

    def forward(self, envelope: Envelope[Any]) -> None:
        """Passes on with the commit what a participant said and signed; it is checked by whoever let it in."""
        self.emission.forward(envelope)


@dataclass(frozen=True, slots=True)
class Context:
    """The shell, as tasks, timers and questions see it."""

    service: Service
    settings: ServiceSettings
    store: Store
    bus: Bus
    metrics: Metrics
    telemetry: Telemetry
    speech: Speech
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        """The service's name."""
        return self.service.name

    def now(self) -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    async def flush(self, ports: Any) -> None:
        """Has the ports of a transaction write what they have gathered."""
        if self.service.flush:
            await self.service.flush(ports)

    @asynccontextmanager
    async def unit(self, cause: str | None = None) -> AsyncIterator[Unit]:
        """A unit of work: one transaction, committed with all that it emits when the block ends well.

        With a `cause` (an event's id, or any name of what led here) the same emission done again is the same event.
        Raises IllegalTransition if an emitted event may not come now, Retry under contention, Unreachable.
        """
        async with self.store.transaction() as tx:
            emission = Emission(self.speech, self.now())
            ports = self.service.ports(tx, self)
            yield Unit(tx, ports, emission, cause)
            await self.flush(ports)
            await emission.write(tx)
