"""Two replicas over one database: no slot is given twice, no job gets two leases, whatever the interleaving."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from services.matching.tests.desk import Desk, patiently
from services.matching.tests.samples import commits, executed, fact_of, failed, funded, listed, started, submitted

from assay.schema.event import Event
from assay.schema.lease import LeaseGranted

pytestmark = pytest.mark.server

SLOTS, OFFERS, JOBS = 2, 3, 24
OVERLAP = """
select count(*) from lease l join offer o using (provider)
where l.ended_ms is null group by provider, o.slots having count(*) > o.slots
"""

COUNT_ON = """
do $$ begin
    create temp table counted (number int) on commit drop;
    for number in 1..3000 loop
        begin insert into counted values (number); exception when others then raise; end;
    end loop;
end $$
"""
"""Has the server give three thousand numbers of transactions."""


@pytest.mark.parametrize(("seed", "replicas"), [(0, 2), (1, 2), (2, 1)])
async def test_batches_side_by_side_never_give_a_slot_twice(
    open_desk: Callable[[], Awaitable[Desk]], seed: int, replicas: int
) -> None:
    one = await open_desk()
    two = await open_desk() if replicas == 2 else one
    draw = random.Random(seed)
    await one.tell(*(listed(number, slots=SLOTS, price=100) for number in range(OFFERS)))
    await one.tell(*(submitted(number) for number in range(JOBS)))
    fundings = [funded(number) for number in draw.sample(range(JOBS), JOBS)]
    heard = await asyncio.gather(*(_lead(desk, fundings[turn::2], draw) for turn, desk in enumerate((one, two))))
    open_leases = await one.rows("select count(*) from lease where ended_ms is null")
    assert await one.rows(OVERLAP) == []
    assert open_leases == await one.rows("select count(*) from slot where lease_id is not null")
    ended = sum(heard)
    assert ended + open_leases[0][0] >= SLOTS * OFFERS
    assert await one.rows("select job_id from lease group by job_id having count(*) <> count(distinct fence)") == []


async def test_numbers_that_a_crashed_server_gives_again_hide_no_offer(
    open_desk: Callable[[], Awaitable[Desk]],
) -> None:
    one, two = await open_desk(), await open_desk()
    await one.tell(listed(1, price=100), submitted())
    # Up to here the server had counted, and forgot with what it had not written yet.
    one.ports.supply.book.horizon += 10**9
    await two.tell(listed(2, price=90))
    async with asyncio.timeout(60):
        granted, _ = await one.tell(funded())
    assert isinstance(granted, LeaseGranted) and granted.provider == listed(2).provider


async def test_nor_where_they_have_come_further_by_the_next_look_than_they_had(
    open_desk: Callable[[], Awaitable[Desk]],
) -> None:
    one, two = await open_desk(), await open_desk()
    await one.tell(listed(1, price=100), submitted())
    one.ports.supply.book.horizon += 1_000
    one.ports.supply.book.crashed = None
    await two.tell(listed(2, price=90))
    await two.rows(COUNT_ON)
    granted, _ = await one.tell(funded())
    assert isinstance(granted, LeaseGranted) and granted.provider == listed(2).provider


async def _lead(desk: Desk, fundings: list[Event], draw: random.Random) -> int:
    """Funds jobs in batches of random size and ends some of those that run; how many ended."""
    ended = 0
    while fundings:
        size = draw.randint(1, 3)
        batch, fundings = fundings[:size], fundings[size:]
        for granted in [event for event in await patiently(desk, *batch) if isinstance(event, LeaseGranted)]:
            if draw.random() < 0.6:
                await patiently(desk, *_course(granted, draw))
                ended += 1
    return ended


def _course(granted: LeaseGranted, draw: random.Random) -> list[Event]:
    """What becomes of a lease: it is executed, or fails."""
    made = commits(granted, 4)
    return draw.choice([[started(granted), *made, executed(granted, made)], [failed(granted)]])


async def test_a_slot_taken_by_one_replica_is_seen_by_the_other(open_desk: Callable[[], Awaitable[Desk]]) -> None:
    one, two = await open_desk(), await open_desk()
    await one.tell(listed(1), submitted(1), submitted(2))
    assert len(await two.tell(funded(1))) == 2
    (waiting,) = await one.tell(funded(2))
    assert waiting.type == "job.waiting"


async def test_a_replica_that_starts_late_knows_the_leases_of_the_others(
    open_desk: Callable[[], Awaitable[Desk]],
) -> None:
    one = await open_desk()
    await one.tell(listed(1), submitted(1), submitted(2))
    granted, _ = await one.tell(funded(1))
    two = await open_desk()
    assert isinstance(granted, LeaseGranted) and fact_of(granted)["fence"] == 1
    assert (await two.tell(funded(2)))[0].type == "job.waiting"
    made = commits(granted, 4)
    events = await two.tell(started(granted), *made, executed(granted, made))
    assert [event.type for event in events] == ["job.started", "job.executed", "lease.granted", "job.matched"]
