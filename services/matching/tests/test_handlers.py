"""Every way a job can take through matching, over real Postgres and the shell's own transactions."""

from collections.abc import Awaitable, Callable

import pytest
from services.matching.tests.desk import Desk, types
from services.matching.tests.samples import (
    NOW_MS,
    commits,
    delisted,
    executed,
    failed,
    funded,
    id_of,
    listed,
    party,
    released,
    spec_of,
    started,
    submitted,
    unfunded,
    withdrawn,
)

from assay.matching.main import service
from assay.proof.commitment import root_of
from assay.proof.order import spec_digest
from assay.schema.errors import Retry
from assay.schema.event import Event
from assay.schema.job import JobExecuted, JobWaiting
from assay.schema.lease import LeaseGranted, LeaseLapsed, LeaseRejected
from assay.schema.values import NO_DIGEST, Capacity

pytestmark = pytest.mark.server


async def granted_job(desk: Desk, number: int = 1) -> LeaseGranted:
    """The grant of a funded job, for which there must be an offer."""
    await desk.tell(submitted(number))
    grant, matched = await desk.tell(funded(number))
    assert isinstance(grant, LeaseGranted) and matched.type == "job.matched"
    return grant


async def test_a_funded_job_is_given_to_the_cheapest_offer(desk: Desk) -> None:
    await desk.tell(listed(1, price=300), listed(2, price=100), listed(3, price=200))
    grant = await granted_job(desk)
    assert (grant.provider, grant.mega_unit_price, grant.fence, grant.resume) == (party("p", 2), 100, 1, None)


async def test_a_job_is_led_from_submission_to_its_result(desk: Desk) -> None:
    await desk.tell(listed(1))
    grant = await granted_job(desk)
    assert types(await desk.tell(started(grant))) == ["job.started"]
    made = commits(grant, 4)
    assert await desk.tell(*made) == []
    (done,) = await desk.tell(executed(grant, made))
    assert isinstance(done, JobExecuted)
    (share,) = done.leases
    assert (share.first_segment, share.segments, share.root) == (0, 4, root_of(made, spec_digest(grant.spec)))
    assert await desk.rows("select state from life order by state") == [("executed",), ("executed",)]
    assert await desk.rows("select count(*) from slot where lease_id is null") == [(1,)]


async def test_a_whole_life_in_one_batch_is_the_same_life(desk: Desk) -> None:
    await desk.tell(listed(1))
    grant, _ = await desk.tell(submitted(), funded())
    made = commits(grant, 4)
    events = await desk.tell(started(grant), *made, executed(grant, made))
    assert types(events) == ["job.started", "job.executed"]


async def test_a_job_waits_with_reasons_and_is_matched_when_an_offer_comes(desk: Desk) -> None:
    await desk.tell(listed(1, price=5_000), submitted())
    (waiting,) = await desk.tell(funded())
    assert isinstance(waiting, JobWaiting) and waiting.reasons == {"price.above_limit": 1}
    assert types(await desk.tell(listed(2, price=500))) == ["lease.granted", "job.matched"]


async def test_a_job_without_any_offer_says_so(desk: Desk) -> None:
    await desk.tell(submitted())
    (waiting,) = await desk.tell(funded())
    assert isinstance(waiting, JobWaiting) and waiting.reasons == {"offers.none": 0}


async def test_a_waiting_job_repeats_itself_only_when_its_reasons_change(desk: Desk) -> None:
    await desk.tell(listed(1, price=5_000), submitted())
    await desk.tell(funded())
    desk.pass_ms(3_000)
    assert await desk.tick("look") == []
    await desk.tell(listed(2, price=100, kinds=("finetune",)))
    desk.pass_ms(3_000)
    (waiting,) = await desk.tick("look")
    assert isinstance(waiting, JobWaiting) and waiting.reasons == {"price.above_limit": 1, "kind.other": 1}


async def test_work_that_reaches_hosts_waits_for_an_offer_that_lets_it(desk: Desk) -> None:
    spec = spec_of().model_copy(update={"params": {"egress": ["example.org"]}})
    (waiting,) = await desk.tell(listed(1, price=50), submitted(spec=spec), funded())
    assert isinstance(waiting, JobWaiting) and waiting.reasons == {"egress.closed": 1}
    grant, _ = await desk.tell(listed(2, egress=True))
    assert isinstance(grant, LeaseGranted) and grant.provider == party("p", 2)
    assert await desk.rows("select egress from offer order by provider = $1", party("p", 2)) == [(False,), (True,)]


async def test_a_slot_that_comes_free_goes_to_the_job_that_waited_longest(desk: Desk) -> None:
    await desk.tell(listed(1))
    grant = await granted_job(desk)
    for number in (2, 3):
        await desk.tell(submitted(number))
        (waiting,) = await desk.tell(funded(number))
        assert isinstance(waiting, JobWaiting) and waiting.reasons == {"slots.taken": 1}
        desk.pass_ms(1_000)
    made = commits(grant, 4)
    events = await desk.tell(started(grant), *made, executed(grant, made))
    assert types(events) == ["job.started", "job.executed", "lease.granted", "job.matched"]
    assert events[2].job_id == id_of("j", 2)


async def test_a_released_lease_is_granted_again_from_its_last_commitment(desk: Desk) -> None:
    await desk.tell(listed(1, price=100), listed(2, price=200))
    grant = await granted_job(desk)
    made = commits(grant, 2)
    await desk.tell(started(grant), *made)
    events = await desk.tell(released(grant))
    assert types(events) == ["job.interrupted", "lease.granted", "job.matched"]
    again = events[1]
    assert isinstance(again, LeaseGranted)
    assert (again.provider, again.fence) == (party("p", 2), 2)
    assert again.resume and (again.resume.segment, again.resume.state) == (1, made[-1].state_out)
    rest = commits(again, 2)
    (_, done) = await desk.tell(started(again), *rest, executed(again, rest))
    assert isinstance(done, JobExecuted)
    assert [(s.fence, s.first_segment, s.segments, s.root) for s in done.leases] == [
        (1, 0, 2, root_of(made, spec_digest(grant.spec))),
        (2, 2, 2, root_of(rest, spec_digest(grant.spec))),
    ]


async def test_a_provider_that_released_is_given_work_once_it_is_listed_anew(desk: Desk) -> None:
    await desk.tell(listed(1))
    grant = await granted_job(desk)
    events = await desk.tell(released(grant))
    assert types(events) == ["job.interrupted", "job.waiting"]
    assert types(await desk.tell(listed(1, sequence=2))) == ["lease.granted", "job.matched"]


async def test_a_failed_lease_ends_the_job_with_what_was_committed(desk: Desk) -> None:
    await desk.tell(listed(1))
    grant = await granted_job(desk)
    await desk.tell(started(grant), *commits(grant, 1))
    (end,) = await desk.tell(failed(grant))
    assert end.type == "job.failed" and end.code == "job.bad_data"
    assert [(s.segments, s.root != NO_DIGEST) for s in end.leases] == [(1, True)]


async def failing(desk: Desk, say: Callable[[LeaseGranted], Event], grant: LeaseGranted) -> list[Event]:
    """What follows when a lease ends so; of a job that goes on, its next grant comes first."""
    await desk.tell(started(grant))
    events = await desk.tell(say(grant))
    return sorted(events, key=lambda event: event.type != "lease.granted")


async def test_one_provider_alone_ends_no_job_that_another_could_do(desk: Desk) -> None:
    await desk.tell(*(listed(number, price=100 * number) for number in (1, 2, 3)))
    first = await granted_job(desk)
    second, *rest = await failing(desk, failed, first)
    assert isinstance(second, LeaseGranted) and second.provider == party("p", 2)
    assert types(rest) == ["job.interrupted", "job.matched"] and "job.bad_data" in rest[0].reason  # type: ignore[attr-defined]
    (end,) = await failing(desk, failed, second)
    assert end.type == "job.failed" and end.code == "job.bad_data"  # type: ignore[attr-defined]
    # What it is given next is another's job.
    assert (await granted_job(desk, 2)).provider == party("p", 1)


async def test_providers_that_fail_each_in_its_own_way_end_a_job_when_there_is_nobody_else(desk: Desk) -> None:
    await desk.tell(*(listed(number, price=100 * number) for number in (1, 2)))
    second, *_ = await failing(desk, failed, await granted_job(desk))
    assert isinstance(second, LeaseGranted)
    (end,) = await failing(desk, lambda grant: failed(grant, "model.too_large"), second)
    assert end.type == "job.failed" and end.code == "model.too_large"  # type: ignore[attr-defined]


async def test_a_machine_that_fails_at_a_job_keeps_its_offer_and_the_job_goes_elsewhere_but_not_for_ever(
    desk: Desk,
) -> None:
    await desk.tell(*(listed(number, price=100 * number) for number in range(1, 6)))
    events: list[Event] = [await granted_job(desk)]
    for number in (2, 3):
        assert isinstance(events[0], LeaseGranted)
        events = await failing(desk, lambda grant: released(grant, "sandbox.over_memory"), events[0])
        assert isinstance(events[0], LeaseGranted) and events[0].provider == party("p", number)
        # Nothing else was said of its offer.
        assert (await granted_job(desk, 10 + number)).provider == party("p", 1)
        await desk.tell(withdrawn(10 + number))
    assert isinstance(events[0], LeaseGranted)
    (end, *_) = await failing(desk, lambda grant: released(grant, "sandbox.over_memory"), events[0])
    assert end.type == "job.failed" and end.code == "sandbox.over_memory"  # type: ignore[attr-defined]


async def test_the_only_machine_there_is_may_fail_and_try_again_but_not_for_ever(desk: Desk) -> None:
    await desk.tell(listed(1))
    grant = await granted_job(desk)
    for sequence in (2, 3):
        events = await failing(desk, lambda grant: released(grant, "worker.disk"), grant)
        assert types(events) == ["job.interrupted", "job.waiting"]
        grant, _ = await desk.tell(listed(1, sequence=sequence))
    assert types(await failing(desk, lambda grant: released(grant, "worker.disk"), grant)) == ["job.failed"]


async def test_a_job_withdrawn_before_it_is_funded_is_cancelled_when_it_is(desk: Desk) -> None:
    await desk.tell(listed(1), submitted())
    assert await desk.tell(withdrawn()) == []
    (end,) = await desk.tell(funded())
    assert end.type == "job.cancelled" and end.leases == ()


async def test_a_job_withdrawn_while_it_waits_is_cancelled(desk: Desk) -> None:
    await desk.tell(submitted())
    await desk.tell(funded())
    assert types(await desk.tell(withdrawn())) == ["job.cancelled"]
    assert types(await desk.tell(listed(1))) == []


async def test_a_job_withdrawn_while_it_runs_lapses_its_lease_and_frees_the_slot(desk: Desk) -> None:
    await desk.tell(listed(1))
    grant = await granted_job(desk)
    await desk.tell(started(grant), *commits(grant, 3))
    lapsed, end = await desk.tell(withdrawn())
    assert isinstance(lapsed, LeaseLapsed) and lapsed.code == "job.over"
    assert end.type == "job.cancelled" and [s.segments for s in end.leases] == [3]
    assert (await granted_job(desk, 2)).provider == party("p", 1)


async def test_a_job_that_ended_is_not_cancelled(desk: Desk) -> None:
    await desk.tell(listed(1))
    grant = await granted_job(desk)
    await desk.tell(failed(grant))
    assert await desk.tell(withdrawn()) == []


async def test_an_unfunded_job_ends_without_a_word(desk: Desk) -> None:
    await desk.tell(listed(1), submitted())
    assert await desk.tell(unfunded()) == []
    assert await desk.rows("select state from job") == [("unfunded",)]
    assert await desk.tell(withdrawn()) == []


async def test_a_job_funded_after_its_deadline_expires_at_once(desk: Desk) -> None:
    await desk.tell(listed(1), submitted(deadline_ms=NOW_MS + 1))
    Desk.now_ms += 1
    assert types(await desk.tell(funded())) == ["job.expired"]


async def test_a_word_under_a_stale_fence_changes_nothing(desk: Desk) -> None:
    await desk.tell(listed(1, price=100), listed(2, price=200))
    grant = await granted_job(desk)
    made = commits(grant, 3)
    await desk.tell(started(grant), *made[:2])
    await desk.tell(released(grant))
    before = await desk.rows("select * from job"), await desk.rows("select * from lease order by 1")
    assert await desk.tell(made[2]) == []
    assert await desk.tell(executed(grant, made)) == []
    assert await desk.tell(failed(grant)) == []
    assert (await desk.rows("select * from job"), await desk.rows("select * from lease order by 1")) == before


async def test_a_lease_executed_with_fewer_segments_than_planned_is_refused(desk: Desk) -> None:
    await desk.tell(listed(1), listed(2, price=900))
    grant = await granted_job(desk)
    made = commits(grant, 2)
    await desk.tell(started(grant), *made)
    interrupted, again, _ = await desk.tell(executed(grant, made))
    assert interrupted.type == "job.interrupted" and interrupted.reason.startswith("lease.incomplete")
    assert isinstance(again, LeaseGranted) and again.provider == party("p", 2) and again.resume


async def test_a_lease_executed_under_a_false_root_is_refused(desk: Desk) -> None:
    await desk.tell(listed(1), submitted())
    grant, _ = await desk.tell(funded())
    made = commits(grant, 4)
    await desk.tell(started(grant), *made)
    false = executed(grant, made).model_copy(update={"root": "ab" * 32})
    assert types(await desk.tell(false)) == ["job.interrupted", "job.waiting"]


async def test_a_lease_whose_last_commitments_are_on_the_way_is_heard_again(desk: Desk) -> None:
    await desk.tell(listed(1))
    grant = await granted_job(desk)
    made = commits(grant, 4)
    await desk.tell(started(grant), *made[:3])
    with pytest.raises(Retry):
        await desk.tell(executed(grant, made))
    assert types(await desk.tell(made[3], executed(grant, made))) == ["job.executed"]


async def test_a_commitment_that_does_not_chain_lapses_the_lease(desk: Desk) -> None:
    await desk.tell(listed(1))
    grant = await granted_job(desk)
    made = commits(grant, 2)
    await desk.tell(started(grant), made[0])
    false = made[1].model_copy(update={"state_in": "ab" * 32})
    lapsed, interrupted, waiting = await desk.tell(false)
    assert isinstance(lapsed, LeaseLapsed) and lapsed.code == "commitment.broken"
    assert interrupted.type == "job.interrupted"
    assert isinstance(waiting, JobWaiting) and waiting.reasons == {"provider.lapsed": 1}


async def test_a_commitment_said_twice_counts_once(desk: Desk) -> None:
    await desk.tell(listed(1))
    grant = await granted_job(desk)
    made = commits(grant, 4)
    await desk.tell(started(grant), made[0], made[1], made[0], made[1])
    assert await desk.rows("select next_segment, units from lease") == [(2, 2_000_000)]
    assert types(await desk.tell(*made[2:], executed(grant, made))) == ["job.executed"]


async def test_a_resumed_lease_must_fit_what_is_left_of_the_limit(desk: Desk) -> None:
    await desk.tell(listed(1, price=1_000), listed(2, price=1_001), submitted(price_limit=4_000))
    grant, _ = await desk.tell(funded())
    await desk.tell(started(grant), *commits(grant, 1))
    _, waiting = await desk.tell(released(grant))
    assert isinstance(waiting, JobWaiting) and waiting.reasons == {"price.above_limit": 1}
    assert types(await desk.tell(listed(3, price=1_000))) == ["lease.granted", "job.matched"]


async def test_a_delisted_offer_is_not_matched_and_its_lease_goes_on(desk: Desk) -> None:
    await desk.tell(listed(1, slots=2))
    grant = await granted_job(desk)
    await desk.tell(delisted(1))
    await desk.tell(submitted(2))
    (waiting,) = await desk.tell(funded(2))
    assert isinstance(waiting, JobWaiting) and waiting.reasons == {"offers.none": 0}
    made = commits(grant, 4)
    events = await desk.tell(started(grant), *made, executed(grant, made))
    assert types(events) == ["job.started", "job.executed"]


async def test_an_offer_renewed_with_fewer_slots_is_never_over_committed(desk: Desk) -> None:
    await desk.tell(listed(1, slots=3))
    grants = [await granted_job(desk, number) for number in (1, 2)]
    await desk.tell(listed(1, sequence=2, slots=1))
    await desk.tell(submitted(3))
    assert types(await desk.tell(funded(3))) == ["job.waiting"]
    assert types(await desk.tell(failed(grants[0]))) == ["job.failed"]
    assert types(await desk.tell(failed(grants[1]))) == ["job.failed", "lease.granted", "job.matched"]


async def test_an_earlier_sequence_does_not_replace_a_later_one(desk: Desk) -> None:
    await desk.tell(listed(1, price=100, sequence=2))
    await desk.tell(listed(1, price=1, sequence=1))
    assert (await granted_job(desk)).mega_unit_price == 100


async def test_a_provider_proven_false_gets_no_more_of_the_job(desk: Desk) -> None:
    await desk.tell(listed(1), listed(2, price=900))
    grant = await granted_job(desk)
    await desk.tell(started(grant), *commits(grant, 1))
    await desk.tell(released(grant))
    fact = {"lease_id": grant.lease_id, "job_id": grant.job_id, "provider": grant.provider, "fence": grant.fence}
    verdict = {"verdict_id": id_of("d", 1), "segment": 0, "code": "segment.false", "root": NO_DIGEST}
    assert await desk.tell(LeaseRejected(**fact, **verdict)) == []
    assert await desk.rows("select excluded from job") == [('{"' + party("p", 1) + '": "provider.rejected"}',)]


async def test_a_batch_that_fails_leaves_no_trace_in_the_book(desk: Desk) -> None:
    await desk.tell(listed(1), submitted(1), submitted(2))
    with pytest.raises(Retry):
        await desk.tell(funded(1), funded(3))
    assert types(await desk.tell(funded(2))) == ["lease.granted", "job.matched"]


async def test_requirements_keep_offers_out_with_their_reasons(desk: Desk) -> None:
    spec = spec_of(memory_bytes=2**40, regions=("us",))
    await desk.tell(listed(1), listed(2, region="us"), submitted(spec=spec))
    (waiting,) = await desk.tell(funded())
    assert isinstance(waiting, JobWaiting) and waiting.reasons == {"region.other": 1, "memory.too_small": 1}


async def test_a_job_that_brings_more_than_an_offer_takes_waits_for_one_that_takes_it_whichever_replica_heard_it(
    open_desk: Callable[[], Awaitable[Desk]],
) -> None:
    small, large = Capacity(memory_bytes=2**40, input_bytes=2**30), Capacity(memory_bytes=2**40, input_bytes=2**35)
    one, two = await open_desk(), await open_desk()
    await one.tell(listed(1, capacity=small), submitted(spec=spec_of(input_bytes=2**35)))
    (waiting,) = await two.tell(funded())
    assert isinstance(waiting, JobWaiting) and waiting.reasons == {"inputs.too_large": 1}
    grant, _ = await two.tell(listed(2, price=200, capacity=large))
    assert isinstance(grant, LeaseGranted) and grant.provider == party("p", 2)


async def test_an_expired_offer_is_not_matched(desk: Desk) -> None:
    await desk.tell(listed(1, expires_ms=NOW_MS + 5), submitted())
    Desk.now_ms += 5
    (waiting,) = await desk.tell(funded())
    assert isinstance(waiting, JobWaiting) and waiting.reasons == {"offer.expired": 1}


async def test_migrating_twice_changes_nothing(desk: Desk) -> None:
    await desk.tell(listed(1))
    await desk.ctx.store.migrate(service().migrations)
    assert (await granted_job(desk)).fence == 1
