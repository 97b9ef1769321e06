"""Who keeps warm for a job, and that it gets the lease at once if the first provider falls, over real Postgres."""

import pytest
from services.matching.tests.desk import Desk, types
from services.matching.tests.samples import (
    commits,
    delisted,
    executed,
    funded,
    listed,
    party,
    released,
    spec_of,
    started,
    submitted,
    withdrawn,
)

from assay.matching.watch import SOUGHT_MS
from assay.schema.event import Event
from assay.schema.job import JobSpec
from assay.schema.lease import LeaseGranted
from assay.schema.spare import CALLED, SpareAdvanced, SpareEnded, SpareGranted
from assay.schema.values import Policy

pytestmark = pytest.mark.server

FIRST, SECOND, THIRD = (party("p", number) for number in (1, 2, 3))


def asking(segments: int = 4) -> JobSpec:
    """Work that asks for a spare."""
    return spec_of(segments).model_copy(update={"policy": Policy(spares=1)})


async def running(desk: Desk, number: int = 1) -> LeaseGranted:
    """The begun lease of a job that asks for a spare."""
    await desk.tell(submitted(number, spec=asking()))
    grant, *_ = await desk.tell(funded(number))
    assert isinstance(grant, LeaseGranted)
    await desk.tell(started(grant))
    return grant


async def spared(desk: Desk, number: int = 1) -> tuple[LeaseGranted, SpareGranted]:
    """The begun lease of such a job, and its spare."""
    grant = await running(desk, number)
    (spare,) = await desk.tick("spare")
    assert isinstance(spare, SpareGranted) and spare.job_id == grant.job_id
    return grant, spare


def ended(events: list[Event]) -> list[tuple[str, str]]:
    """Whose spares ended, and why."""
    return [(event.provider, event.code) for event in events if isinstance(event, SpareEnded)]


async def test_a_job_that_asks_for_a_spare_gets_the_best_offer_that_keeps_warm(desk: Desk) -> None:
    await desk.tell(listed(1, spare=True), listed(2, price=200), listed(3, price=300, spare=True))
    grant, spare = await spared(desk)
    assert (grant.provider, spare.provider, spare.resume) == (FIRST, THIRD, None)
    assert await desk.tick("spare") == []


async def test_a_spare_stands_in_another_region_where_there_is_one(desk: Desk) -> None:
    await desk.tell(listed(1), listed(2, price=200, spare=True), listed(3, price=300, spare=True, region="us"))
    assert (await spared(desk))[1].provider == THIRD


async def test_a_job_that_asks_for_none_has_no_spare(desk: Desk) -> None:
    await desk.tell(listed(1), listed(2, price=200, spare=True), submitted(1))
    grant, *_ = await desk.tell(funded(1))
    assert isinstance(grant, LeaseGranted)
    await desk.tell(started(grant))
    assert await desk.tick("spare") == []


async def test_a_spare_is_told_of_each_commitment(desk: Desk) -> None:
    await desk.tell(listed(1), listed(2, price=200, spare=True))
    grant, spare = await spared(desk)
    made = commits(grant, 2)
    told = await desk.tell(*made)
    assert [each.point.checkpoint for each in told if isinstance(each, SpareAdvanced)] == [m.checkpoint for m in made]
    assert {each.provider for each in told if isinstance(each, SpareAdvanced)} == {spare.provider}
    assert await desk.tell(*made) == []


async def test_a_spare_that_is_found_late_begins_at_the_last_commitment(desk: Desk) -> None:
    await desk.tell(listed(1))
    grant = await running(desk)
    made = commits(grant, 3)
    await desk.tell(*made)
    assert await desk.tick("spare") == []
    await desk.tell(listed(2, price=200, spare=True))
    (spare,) = await desk.tick("spare")
    assert isinstance(spare, SpareGranted) and spare.resume and spare.resume.checkpoint == made[-1].checkpoint


async def test_a_job_that_no_offer_fits_is_looked_at_again_only_after_a_while(desk: Desk) -> None:
    await desk.tell(listed(1, spare=True))
    await running(desk)
    await desk.tell(listed(3, price=10_000, spare=True))
    assert await desk.tick("spare") == []
    await desk.tell(listed(2, price=200, spare=True))
    assert await desk.tick("spare") == []
    Desk.now_ms += SOUGHT_MS
    assert types(await desk.tick("spare")) == ["spare.granted"]


async def test_no_job_is_looked_at_while_no_offer_keeps_warm_for_its_kind(desk: Desk) -> None:
    await desk.tell(listed(1), listed(2, price=200, kinds=("finetune",), spare=True))
    await running(desk)
    assert await desk.tick("spare") == []
    assert await desk.rows("select sought_ms from job") == [(0,)]


async def test_the_lease_of_a_silent_provider_goes_to_the_spare_before_a_cheaper_offer(desk: Desk) -> None:
    await desk.tell(listed(1), listed(2, price=200), listed(3, price=300, spare=True))
    grant, spare = await spared(desk)
    await desk.tell(*commits(grant, 2))
    desk.pass_ms(5_000, [FIRST, SECOND, THIRD], [grant.lease_id])
    desk.pass_ms(11_000, [SECOND, THIRD])
    events = await desk.tick("lapse")
    assert types(events) == ["lease.lapsed", "job.interrupted", "lease.granted", "job.matched", "spare.ended"]
    again = events[2]
    assert isinstance(again, LeaseGranted) and again.provider == spare.provider == THIRD
    assert again.resume and again.resume.segment == 1 and again.fence == grant.fence + 1
    assert ended(events) == [(THIRD, CALLED)]
    assert await desk.rows("select count(*) from spare") == [(0,)]


async def test_the_lease_of_a_provider_that_leaves_by_plan_goes_to_the_spare(desk: Desk) -> None:
    await desk.tell(listed(1), listed(2, price=200), listed(3, price=300, spare=True))
    grant, spare = await spared(desk)
    events = await desk.tell(*commits(grant, 1), released(grant))
    (again,) = [event for event in events if isinstance(event, LeaseGranted)]
    assert again.provider == spare.provider and ended(events) == [(THIRD, CALLED)]


async def test_a_spare_that_was_called_is_followed_by_another(desk: Desk) -> None:
    await desk.tell(listed(1), listed(2, price=200, spare=True), listed(3, price=300, spare=True))
    grant, _ = await spared(desk)
    *_, again, _, _ = await desk.tell(released(grant))
    assert isinstance(again, LeaseGranted) and again.provider == SECOND
    await desk.tell(started(again))
    (spare,) = await desk.tick("spare")
    assert isinstance(spare, SpareGranted) and spare.provider == THIRD


async def test_a_silent_spare_is_let_go_and_another_chosen(desk: Desk) -> None:
    await desk.tell(listed(1), listed(2, price=200, spare=True), listed(3, price=300, spare=True))
    grant, spare = await spared(desk)
    desk.pass_ms(5_000, [SECOND, FIRST, THIRD], [spare.spare_id])
    assert await desk.tick("spare") == []
    desk.pass_ms(11_000, [FIRST, THIRD], [grant.lease_id])
    events = await desk.tick("spare")
    assert types(events) == ["spare.ended", "spare.granted"] and ended(events) == [(SECOND, "lease.silent")]
    assert [event.provider for event in events if isinstance(event, SpareGranted)] == [THIRD]


async def test_a_spare_that_its_worker_forgot_is_let_go_although_it_lives(desk: Desk) -> None:
    await desk.tell(listed(1), listed(2, price=200, spare=True))
    grant, _ = await spared(desk)
    desk.pass_ms(11_000, [FIRST, SECOND], [grant.lease_id])
    assert ended(await desk.tick("spare")) == [(SECOND, "lease.silent")]


async def test_a_spare_whose_provider_is_silent_too_does_not_get_the_lease(desk: Desk) -> None:
    await desk.tell(listed(1), listed(2, price=200, spare=True), listed(3, price=300), listed(4, price=400))
    grant, _ = await spared(desk)
    others = [THIRD, party("p", 4)]
    desk.pass_ms(5_000, [FIRST, SECOND, *others], [grant.lease_id])
    desk.pass_ms(11_000, others)
    again = next(event for event in await desk.tick("lapse") if isinstance(event, LeaseGranted))
    assert again.provider == THIRD
    assert ended(await desk.tick("spare")) == [(SECOND, "lease.silent")]


async def test_paid_work_takes_the_slot_that_a_spare_kept_warm(desk: Desk) -> None:
    await desk.tell(listed(1), listed(2, price=200, spare=True))
    await spared(desk)
    await desk.tell(submitted(2))
    (grant, _) = await desk.tell(funded(2))
    assert isinstance(grant, LeaseGranted) and grant.provider == SECOND
    assert ended(await desk.tick("spare")) == [(SECOND, "slots.taken")]


async def test_an_offer_is_spare_of_no_more_jobs_than_it_has_free_slots(desk: Desk) -> None:
    await desk.tell(listed(1, slots=3), listed(2, price=200, slots=2, spare=True))
    for number in (1, 2, 3):
        await running(desk, number)
    assert types(await desk.tick("spare")) == ["spare.granted"] * 2
    assert await desk.tick("spare") == []


async def test_a_spare_whose_offer_ends_is_let_go(desk: Desk) -> None:
    await desk.tell(listed(1), listed(2, price=200, spare=True))
    await spared(desk)
    await desk.tell(delisted(2))
    assert ended(await desk.tick("spare")) == [(SECOND, "offer.gone")]


async def test_a_spare_that_was_not_needed_is_let_go_with_the_job(desk: Desk) -> None:
    await desk.tell(listed(1), listed(2, price=200, spare=True))
    grant, _ = await spared(desk)
    made = commits(grant, 4)
    events = await desk.tell(*made, executed(grant, made))
    assert types(events[-2:]) == ["job.executed", "spare.ended"] and ended(events) == [(SECOND, "job.over")]
    assert await desk.tick("spare") == []


async def test_a_withdrawn_job_lets_its_spare_go(desk: Desk) -> None:
    await desk.tell(listed(1), listed(2, price=200, spare=True))
    await spared(desk)
    assert ended(await desk.tell(withdrawn())) == [(SECOND, "job.over")]
