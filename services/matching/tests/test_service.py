"""The whole service on its shell: events come over a bus, heartbeats beside it, and what it says goes out again."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from services.matching.tests.desk import Desk
from services.matching.tests.samples import NOW_MS, funded, id_of, listed, party, submitted

from assay.bus.memory import MemoryBus
from assay.bus.port import Record
from assay.matching.beats import wait_s
from assay.matching.settings import patience_of
from assay.runtime.shell import Shell
from assay.schema import STREAMS, Envelope, Event

pytestmark = pytest.mark.server
DEADLINE_S = 120.0


def record(event: Event) -> Record:
    said = Envelope.wrap(event, "test", NOW_MS)
    return Record(said.id, said.subject, said.headers(), said.data)


async def until(holds: Callable[[], bool], say: Callable[[], Awaitable[None]] | None = None) -> None:
    """Waits for a condition, saying again meanwhile what may be lost."""
    async with asyncio.timeout(DEADLINE_S):
        while not holds():
            if say:
                await say()
            await asyncio.sleep(0.01)


@pytest.fixture
async def bus(desk: Desk) -> AsyncIterator[MemoryBus]:
    """The bus of the service at work; drained at the end."""
    bus = desk.ctx.bus
    assert isinstance(bus, MemoryBus)
    await bus.ensure_streams(STREAMS)
    shell = asyncio.create_task(Shell(desk.ctx).run())
    yield bus
    desk.ctx.stopping.set()
    await shell


async def test_the_service_grants_what_comes_over_the_bus(bus: MemoryBus) -> None:
    await bus.publish([record(event) for event in (listed(1), submitted(1), funded(1))])
    leases = bus.streams["LEASES"].records

    async def wait() -> None:
        """Offers and orders come side by side: what slips by is looked for again, in time."""
        Desk.now_ms += 10

    await until(lambda: bool(leases), wait)
    assert leases[0].subject.startswith("assay.lease.granted.matching.")


async def test_the_service_hears_who_lives(bus: MemoryBus, desk: Desk) -> None:
    async def beat() -> None:
        body = {"leases": {id_of("l", 1): {"segment": 0}}}
        await bus.say(f"assay.beat.{party('p', 1)}", json.dumps(body).encode())
        await bus.say("assay.beat.gateway", b"")

    def is_heard() -> bool:
        return desk.liveness.is_proven(NOW_MS) and id_of("l", 1) in desk.liveness.worked.get(party("p", 1), {})

    await until(is_heard, beat)


async def test_whoever_falls_silent_is_looked_at_in_that_moment(bus: MemoryBus, desk: Desk) -> None:
    async def beat() -> None:
        await bus.say(f"assay.beat.{party('p', 1)}", b'{"leases": {}}')

    await until(lambda: party("p", 1) in desk.liveness.heard, beat)
    for _ in range(12):
        Desk.now_ms += 1_000
        await until(lambda: desk.liveness.last_ms == Desk.now_ms, lambda: bus.say("assay.beat.gateway", b""))
    name, labels = "assay_timer_runs_total", {"timer": "lapse_at_once"}
    await until(lambda: bool(desk.ctx.metrics.registry.get_sample_value(name, labels)))
    assert desk.liveness.silent == {party("p", 1): "provider.silent"}


async def test_however_many_fall_silent_in_turn_leases_are_read_no_more_than_ten_times_a_second(desk: Desk) -> None:
    desk.liveness.pulse(desk.ctx.now())
    lapse_ms = patience_of(desk.ctx).lapse_ms
    for number in range(100):
        desk.liveness.hear(party("p", number), [], desk.ctx.now() - lapse_ms + number)
        desk.liveness.since_ms = desk.ctx.now() - 2 * lapse_ms
        assert wait_s(desk.liveness, desk.ctx) >= 0.1
