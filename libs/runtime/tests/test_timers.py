"""Timers run on one replica at a time, and say a thing once."""

import asyncio

import pytest
from libs.runtime.tests.toy import PROVIDER, REQUESTER, Ports, Toy, id_of, until

from assay.runtime.context import Context
from assay.runtime.service import Timer
from assay.runtime.timers import run_once
from assay.schema import Event
from assay.schema.errors import IllegalTransition
from assay.schema.job import JobMatched, JobWaiting

pytestmark = pytest.mark.server

SAID = "select count(*) from outbox"


def waiting(number: int, **reasons: int) -> JobWaiting:
    return JobWaiting(job_id=id_of("j", number), requester=REQUESTER, reasons=reasons)


def matched(number: int) -> JobMatched:
    return JobMatched(job_id=id_of("j", number), requester=REQUESTER, lease_id=id_of("l", number), provider=PROVIDER)


def saying(*events: Event) -> Timer:
    async def run(ports: Ports, now: int) -> list[Event]:
        return list(events)

    return Timer("look", 0.0, run)


async def runs_of(contexts: list[Context]) -> float:
    name, labels = "assay_timer_runs_total", {"timer": "look"}
    return sum(ctx.metrics.registry.get_sample_value(name, labels) or 0 for ctx in contexts)


async def test_of_two_replicas_one_runs_a_timer_at_a_time(toy: Toy) -> None:
    inside, most = 0, 0

    async def run(ports: Ports, now: int) -> list[Event]:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await ports.tx.fetchval("select pg_sleep(0.01)")
        inside -= 1
        return []

    contexts = [await toy.context(timers=(Timer("look", 0.02, run),)) for _ in range(2)]
    async with toy.running(*contexts):

        async def enough() -> bool:
            return await runs_of(contexts) >= 10

        await until(enough, "10 runs")
    assert most == 1


async def test_a_timer_is_not_due_before_its_time(toy: Toy) -> None:
    one, other = await toy.context(), await toy.context()
    timer = Timer("look", 3600.0, saying().run)
    assert await run_once(one, timer)
    assert not await run_once(other, timer)


async def test_a_timer_whose_replica_is_at_it_is_not_run_by_the_other(toy: Toy) -> None:
    one, other = await toy.context(), await toy.context()
    reached, go = asyncio.Event(), asyncio.Event()

    async def run(ports: Ports, now: int) -> list[Event]:
        reached.set()
        await go.wait()
        return []

    running = asyncio.create_task(run_once(one, Timer("look", 0.0, run)))
    await reached.wait()
    assert not await run_once(other, saying(waiting(1)))
    go.set()
    assert await running


async def test_what_a_timer_finds_again_is_said_once(toy: Toy) -> None:
    ctx = await toy.context()
    for _ in range(3):
        await run_once(ctx, saying(waiting(1, none=1)))
    assert await toy.rows(SAID) == [(1,)]
    await run_once(ctx, saying(waiting(1, none=2)))
    await run_once(ctx, saying(waiting(1, none=1)))
    assert await toy.rows(SAID) == [(3,)]


async def test_a_timer_that_says_what_may_not_come_changes_nothing(toy: Toy) -> None:
    ctx = await toy.context()
    with pytest.raises(IllegalTransition):
        await run_once(ctx, saying(waiting(1, none=1), matched(1)))
    assert await toy.rows(SAID) == [(0,)]
    assert await toy.rows("select * from timer") == []
