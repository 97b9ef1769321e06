"""What only time brings, over real Postgres: leases lapse when their silence is proven, jobs expire in every state."""

import pytest
from services.matching.tests.desk import Desk, types
from services.matching.tests.samples import (
    HOUR_MS,
    NOW_MS,
    commits,
    delisted,
    executed,
    funded,
    listed,
    party,
    started,
    submitted,
)

from assay.proof.commitment import root_of
from assay.proof.order import spec_digest
from assay.schema.job import JobExecuted, JobExpired, JobWaiting
from assay.schema.lease import LeaseGranted, LeaseLapsed

pytestmark = pytest.mark.server


async def running_job(desk: Desk, segments: int = 2, price_limit: int = 4_000) -> LeaseGranted:
    """The grant of a job that runs on provider 1 and has committed so many segments."""
    await desk.tell(listed(1, price=100), listed(2, price=200), submitted(price_limit=price_limit))
    grant, _ = await desk.tell(funded())
    assert isinstance(grant, LeaseGranted) and grant.provider == party("p", 1)
    await desk.tell(started(grant), *commits(grant, segments))
    return grant


async def test_a_silent_lease_lapses_and_another_provider_carries_on(desk: Desk) -> None:
    grant = await running_job(desk)
    desk.pass_ms(11_000, [party("p", 2)])
    lapsed, interrupted, again, _ = await desk.tick("lapse")
    assert isinstance(lapsed, LeaseLapsed) and lapsed.code == "lease.silent"
    assert interrupted.type == "job.interrupted"
    assert isinstance(again, LeaseGranted) and again.resume and again.resume.segment == 1
    assert (again.provider, again.fence) == (party("p", 2), 2)
    rest = commits(again, 2)
    _, done = await desk.tell(started(again), *rest, executed(again, rest))
    assert isinstance(done, JobExecuted)
    first = root_of(commits(grant, 2), spec_digest(grant.spec))
    assert [(share.segments, share.root == first) for share in done.leases] == [(2, True), (2, False)]


async def test_a_lease_that_is_heard_does_not_lapse(desk: Desk) -> None:
    grant = await running_job(desk)
    desk.pass_ms(60_000, [grant.provider], [grant.lease_id])
    assert await desk.tick("lapse") == []


async def test_no_lease_lapses_while_the_pulse_is_missing(desk: Desk) -> None:
    await running_job(desk)
    desk.pass_ms(5_000)
    desk.pass_ms(60_000, pulse=False)
    assert await desk.tick("lapse") == []
    desk.pass_ms(5_000)
    assert await desk.tick("lapse") == []


async def test_a_lease_whose_provider_went_on_elsewhere_is_not_given_back_to_it(desk: Desk) -> None:
    await running_job(desk)
    desk.pass_ms(11_000, [party("p", 2)])
    await desk.tick("lapse")
    desk.pass_ms(11_000, [party("p", 1)])
    events = await desk.tick("lapse")
    assert types(events) == ["lease.lapsed", "job.interrupted", "job.waiting"]
    assert isinstance(events[2], JobWaiting) and events[2].reasons == {"provider.lapsed": 2}
    assert types(await desk.tell(listed(3))) == ["lease.granted", "job.matched"]


async def test_a_whole_market_that_falls_silent_keeps_its_leases(desk: Desk) -> None:
    await desk.tell(*(listed(number) for number in range(4)))
    for number in range(4):
        await desk.tell(submitted(number))
        grant, _ = await desk.tell(funded(number))
        assert isinstance(grant, LeaseGranted)
        await desk.tell(started(grant))
    desk.pass_ms(30_000)
    assert await desk.tick("lapse") == []


async def test_a_funded_job_expires_at_its_deadline(desk: Desk) -> None:
    await desk.tell(submitted(deadline_ms=NOW_MS + 5_000))
    await desk.tell(funded())
    assert await desk.tick("expire") == []
    desk.pass_ms(5_000)
    (end,) = await desk.tick("expire")
    assert isinstance(end, JobExpired) and end.leases == ()
    assert await desk.tick("expire") == []


async def test_a_running_job_expires_at_its_deadline_with_what_it_committed(desk: Desk) -> None:
    grant = await running_job(desk, 3)
    desk.pass_ms(HOUR_MS, [grant.provider], [grant.lease_id])
    lapsed, end = await desk.tick("expire")
    assert isinstance(lapsed, LeaseLapsed) and lapsed.code == "job.past_deadline"
    assert isinstance(end, JobExpired) and [share.segments for share in end.leases] == [3]
    assert await desk.tell(commits(grant, 4)[3]) == []


async def test_a_slot_freed_by_an_expired_job_goes_to_a_waiting_one(desk: Desk) -> None:
    await desk.tell(listed(1), submitted(1, deadline_ms=NOW_MS + 5_000), submitted(2))
    await desk.tell(funded(1))
    assert types(await desk.tell(funded(2))) == ["job.waiting"]
    desk.pass_ms(5_000)
    assert types(await desk.tick("expire")) == ["lease.lapsed", "job.expired", "lease.granted", "job.matched"]


async def test_a_lease_that_is_not_begun_in_time_lapses_although_its_provider_lives(desk: Desk) -> None:
    await desk.tell(listed(1), submitted())
    await desk.tell(funded())
    desk.pass_ms(299_000, [party("p", 1)])
    assert await desk.tick("lapse") == []
    desk.pass_ms(2_000, [party("p", 1)])
    lapsed, *_ = await desk.tick("lapse")
    assert isinstance(lapsed, LeaseLapsed) and lapsed.code == "lease.not_started"


async def cut_off(desk: Desk, *others: int, **how: int) -> LeaseGranted:
    """The grant of a job whose provider's line was closed a second ago; others are heard since."""
    grant = await running_job(desk, **how)
    for number in (1, 2):
        leases = [grant.lease_id] if number == 1 else []
        desk.liveness.hear(party("p", number), leases, Desk.now_ms, f"S:{number}")
    desk.liveness.pulse(Desk.now_ms)
    assert desk.liveness.lines.close(party("p", 1), "S:1", Desk.now_ms)
    desk.pass_ms(1_000, [party("p", number) for number in others])
    return grant


async def test_a_lease_whose_providers_line_was_closed_goes_to_another_at_once(desk: Desk) -> None:
    await cut_off(desk, 2)
    lapsed, interrupted, again, _ = await desk.tick("lapse")
    assert isinstance(lapsed, LeaseLapsed) and lapsed.code == "lease.silent" and "line was closed" in lapsed.reason
    assert interrupted.type == "job.interrupted"
    assert isinstance(again, LeaseGranted) and (again.provider, again.fence) == (party("p", 2), 2)


@pytest.mark.parametrize(("segments", "types_"), [(0, []), (2, ["lease.lapsed", "job.interrupted", "lease.granted"])])
async def test_whether_another_fits_is_a_matter_of_the_segments_left(
    desk: Desk, segments: int, types_: list[str]
) -> None:
    await cut_off(desk, 2, segments=segments, price_limit=700)
    assert types(await desk.tick("lapse"))[:3] == types_


async def test_a_lease_that_nobody_else_could_take_waits_for_its_provider_as_ever(desk: Desk) -> None:
    await cut_off(desk, 2)
    await desk.tell(delisted(2))
    assert await desk.tick("lapse") == []
    desk.pass_ms(9_000, [party("p", 2)])
    assert types(await desk.tick("lapse")) == ["lease.lapsed", "job.interrupted", "job.waiting"]
