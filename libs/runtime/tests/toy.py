"""A toy service over real Postgres and either bus: it counts what it did, so that an effect done twice shows."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.bus.port import Record
from assay.runtime.context import Context
from assay.runtime.emission import Speech
from assay.runtime.metrics import Metrics
from assay.runtime.service import Service
from assay.runtime.settings import ServiceSettings
from assay.runtime.shell import Shell
from assay.runtime.telemetry import Telemetry
from assay.schema import Envelope, Event
from assay.schema.job import JobFunded, JobMatched, JobSpec, JobStarted, JobSubmitted, JobWaiting
from assay.schema.lease import LeaseCommitted, LeaseGranted, LeaseStarted
from assay.schema.values import NO_DIGEST, Role, derive_id
from assay.store.store import Store
from assay.store.transaction import Transaction

REQUESTER, PROVIDER = "r" + "a" * 32, "p" + "a" * 32
DIGEST = "ab" * 32
DEADLINE_S = 120.0

MIGRATION = """
create table job (id text primary key, submitted int not null default 0, funded int not null default 0);
create table segment (lease text, segment int, times int not null default 1, primary key (lease, segment));
"""
COUNT = "insert into job (id, {0}) values ($1, 1) on conflict (id) do update set {0} = job.{0} + 1"
COUNT_SEGMENT = """
insert into segment values ($1, $2) on conflict (lease, segment) do update set times = segment.times + 1
"""


@dataclass(frozen=True)
class Ports:
    """What the toy's handlers reach: their transaction, and `fault`, called before each event is handled."""

    tx: Transaction
    fault: Callable[[Event], None]


def id_of(letter: str, number: int) -> str:
    return derive_id(letter, "test", number)


def lease_of(number: int) -> str:
    """The lease that the toy grants for a job."""
    return derive_id("l", id_of("j", number))


def submitted(number: int) -> JobSubmitted:
    spec = JobSpec(kind="noop", segments=2, segment_units=10)
    return JobSubmitted(
        job_id=id_of("j", number),
        requester=REQUESTER,
        spec=spec,
        price_limit=10,
        deadline_ms=10,
        order_signature=SIGNED,
    )


def funded(number: int) -> JobFunded:
    return JobFunded(job_id=id_of("j", number), requester=REQUESTER, amount=10)


def lease_fact(number: int) -> dict[str, Any]:
    return {"lease_id": lease_of(number), "job_id": id_of("j", number), "provider": PROVIDER, "fence": 1}


def started(number: int) -> LeaseStarted:
    return LeaseStarted(**lease_fact(number))


def committed(number: int, segment: int) -> LeaseCommitted:
    states = {"state_in": DIGEST, "state_out": DIGEST, "checkpoint": DIGEST, "commitment": DIGEST}
    more = {"segment": segment, "units": 10, "previous": NO_DIGEST, "compute_ms": 1}
    return LeaseCommitted(**lease_fact(number), **states, **more)


SIGNED = "0x" + "ab" * 65


def said(event: Event, source: str = REQUESTER, time_ms: int = 1_000) -> Record:
    envelope = Envelope.wrap(event, source, time_ms)
    return Record(envelope.id, envelope.subject, envelope.headers(), envelope.data)


async def on_job_submitted(said: Envelope[JobSubmitted], ports: Ports, now: int) -> list[Event]:
    ports.fault(said.event)
    await ports.tx.execute(COUNT.format("submitted"), said.event.job_id)
    return []


async def on_job_funded(said: Envelope[JobFunded], ports: Ports, now: int) -> list[Event]:
    ports.fault(said.event)
    job = said.event.job_id
    await ports.tx.execute(COUNT.format("funded"), job)
    lease = {"lease_id": derive_id("l", job), "job_id": job, "provider": PROVIDER, "fence": 1}
    spec = JobSpec(kind="noop", segments=2, segment_units=10)
    terms = {"offer_id": id_of("f", 1), "spec": spec, "mega_unit_price": 1, "deadline_ms": 10}
    return [
        JobMatched(job_id=job, requester=REQUESTER, lease_id=lease["lease_id"], provider=PROVIDER),
        LeaseGranted(**lease, requester=REQUESTER, **terms),
    ]


async def on_lease_started(said: Envelope[LeaseStarted], ports: Ports, now: int) -> list[Event]:
    ports.fault(said.event)
    return [JobStarted(job_id=said.event.job_id, requester=REQUESTER, lease_id=said.event.lease_id)]


async def on_lease_committed(said: Envelope[LeaseCommitted], ports: Ports, now: int) -> list[Event]:
    ports.fault(said.event)
    await ports.tx.execute(COUNT_SEGMENT, said.event.lease_id, said.event.segment)
    return []


HANDLERS = {
    JobSubmitted: on_job_submitted,
    JobFunded: on_job_funded,
    LeaseStarted: on_lease_started,
    LeaseCommitted: on_lease_committed,
}


def no_fault(event: Event) -> None:
    """Nothing goes wrong."""


@dataclass
class Toy:
    """The toy's environment: one database, one bus; contexts are its replicas."""

    dsn: str
    migrations: Path
    bus: Any
    fault: Callable[[Event], None] = no_fault
    stores: list[Store] = field(default_factory=list)
    replicas: list[Context] = field(default_factory=list)

    def service(self, **changes: Any) -> Service:
        parts: dict[str, Any] = {
            "role": Role.MATCHING,
            "handlers": HANDLERS,
            "migrations": self.migrations,
            "ports": lambda tx, ctx: Ports(tx, lambda event: self.fault(event)),
            "publishes": (JobMatched, JobStarted, JobWaiting, LeaseGranted),
        }
        return Service(**(parts | changes))

    async def context(self, bus: Any = None, **changes: Any) -> Context:
        service = self.service(**changes)
        store = await Store.connect(self.dsn, service.name)
        self.stores.append(store)
        await store.migrate(self.migrations)
        telemetry = Telemetry(service.name, 0.0)
        settings = ServiceSettings(postgres_dsn=self.dsn)
        return Context(
            service, settings, store, bus or self.bus, Metrics(), telemetry, Speech(service, telemetry), asyncio.Event()
        )

    @asynccontextmanager
    async def running(self, *contexts: Context) -> AsyncIterator[None]:
        """The replicas at work; drained at the end."""
        shells = [asyncio.create_task(Shell(ctx).run()) for ctx in contexts]
        try:
            yield
        finally:
            for ctx in contexts:
                ctx.stopping.set()
            await asyncio.gather(*shells)

    async def rows(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        async with self.stores[0].reading() as tx:
            return [tuple(row) for row in await tx.fetch(sql, *args)]

    async def say(self, *events: Event, source: str = REQUESTER) -> list[Record]:
        records = [said(event, source) for event in events]
        await self.bus.publish(records)
        return records

    def heard(self, stream: str) -> list[str]:
        """What lies in a stream of the memory bus: type and id of each event."""
        return [".".join(r.subject.split(".")[1:3]) for r in self.bus.streams[stream].records]


async def until(holds: Callable[[], Awaitable[Any]], what: str = "condition") -> Any:
    """What `holds` comes to be, once that is true."""
    end_s = time.monotonic() + DEADLINE_S
    while not (found := await holds()):
        assert time.monotonic() < end_s, f"{what} did not come true"
        await asyncio.sleep(0.01)
    return found


def all_once(rows: Sequence[tuple[Any, ...]]) -> bool:
    return all(row[-1] == 1 for row in rows)
