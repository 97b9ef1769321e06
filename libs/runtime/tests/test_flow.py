"""The flow of events through a service: each has its effect once, whatever fails between two steps."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from libs.runtime.tests.toy import (
    HANDLERS,
    PROVIDER,
    REQUESTER,
    Toy,
    committed,
    funded,
    id_of,
    lease_of,
    on_lease_committed,
    said,
    started,
    submitted,
    until,
)

from assay.bus.port import Message, Record
from assay.runtime.dead import answer_list, answer_replay, answer_show
from assay.runtime.flow import DELIVERIES_MAX, Flow, delay_of
from assay.schema import Envelope, Event
from assay.schema.errors import Refused, Reject, Retry, Unreachable
from assay.schema.job import JobFunded, JobStarted, JobSubmitted, JobWaiting
from assay.schema.lease import LeaseCommitted

pytestmark = pytest.mark.server

SUBMITTED = "select submitted from job order by id"
PUBLISHED = "select 1 from outbox having count(*) = $1 and count(published_at) = $1"


class Faulty:
    """A port that wraps another and fails as it is told, before or after the real thing was done."""

    def __init__(self, real: Any, **faults: list[str]) -> None:
        self.real, self._faults = real, faults

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.real, name)
        if name == "consumer":
            return self._consumer
        if name not in self._faults:
            return method

        async def call(*args: Any, **kwargs: Any) -> Any:
            when = self._faults[name].pop(0) if self._faults[name] else "never"
            if when == "before":
                raise Unreachable("lost before it was sent")
            result = await method(*args, **kwargs)
            if when == "after":
                raise Retry("lost before the answer came", 0.01)
            return result

        return call

    async def _consumer(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["ack_wait_s"] = 0.2
        return Faulty(await self.real.consumer(*args, **kwargs), **self._faults)


async def settled(toy: Toy, events: int) -> None:
    """Returns when so many events were said, and published."""
    await until(lambda: toy.rows(PUBLISHED, events), f"{events} events published")


async def test_an_event_leads_to_its_events_in_order(toy: Toy) -> None:
    async with toy.running(await toy.context()):
        await toy.say(submitted(1), funded(1))
        await settled(toy, 2)
    assert toy.heard("JOBS") == ["job.submitted", "job.funded", "job.matched"]
    assert toy.heard("LEASES") == ["lease.granted"]
    assert await toy.rows("select entity, state from life order by 1") == [("job", "matched"), ("lease", "granted")]


async def test_what_follows_names_its_cause_and_carries_the_trace_of_its_job(toy: Toy) -> None:
    async with toy.running(await toy.context()):
        _, cause = await toy.say(submitted(1), funded(1))
        await settled(toy, 2)
    matched, granted = toy.bus.streams["JOBS"].records[2], toy.bus.streams["LEASES"].records[0]
    assert matched.headers["ce-cause"] == granted.headers["ce-cause"] == cause.id
    assert matched.headers["traceparent"] == granted.headers["traceparent"]


async def test_a_handler_is_told_when_the_bus_had_its_event(toy: Toy) -> None:
    told = list[int]()

    async def on_job_submitted(said: Envelope[JobSubmitted], ports: Any, now: int) -> list[Event]:
        told.append(said.stored_ms)
        return []

    async with toy.running(await toy.context(handlers=HANDLERS | {JobSubmitted: on_job_submitted})):
        await toy.say(submitted(1))
        await until(lambda: toy.rows("select 1 from inbox"), "handled")
    assert told == toy.bus.streams["JOBS"].stored_ms


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["publish", "ack", "fetch"])
async def test_a_step_that_fails_is_done_again_and_changes_nothing(toy: Toy, step: str, when: str) -> None:
    bus = Faulty(toy.bus, **{step: [when, "never", when]})
    async with toy.running(await toy.context(bus)):
        for number in range(3):
            await toy.say(submitted(number))
            await toy.say(funded(number))
            await settled(toy, 2 * (number + 1))
    assert await toy.rows("select submitted, funded from job") == [(1, 1)] * 3
    assert Counter(toy.heard("JOBS")) == {"job.submitted": 3, "job.funded": 3, "job.matched": 3}
    assert len(toy.bus.streams["LEASES"].records) == 3


async def test_a_handler_that_fails_takes_nothing_with_it(toy: Toy) -> None:
    failures = Counter({id_of("j", 3): 2, id_of("j", 7): 1})

    def fault(event: Event) -> None:
        if failures[event.about] > 0:
            failures[event.about] -= 1
            raise Retry("not yet", 0.01) if event.about == id_of("j", 3) else ZeroDivisionError("a bug")

    toy.fault = fault
    await toy.say(*(submitted(number) for number in range(20)))
    ctx = await toy.context()
    async with toy.running(ctx):
        await until(lambda: toy.rows("select 1 from job having count(*) = 20"), "20 jobs")
    assert await toy.rows(SUBMITTED) == [(1,)] * 20
    assert await toy.rows("select * from dead") == []


async def test_a_lost_database_is_waited_for_with_the_batch_in_hand(toy: Toy) -> None:
    cuts = 2

    async def cut_off(said: Any, ports: Any, now: int) -> list[Event]:
        nonlocal cuts
        cuts -= 1
        await ports.tx.execute("insert into job values ($1, 1)", said.event.job_id)
        if cuts >= 0:
            await ports.tx.execute("select pg_terminate_backend(pg_backend_pid())")
        return []

    consumer = Recorder()
    ctx = await toy.context(handlers={JobSubmitted: cut_off})
    await Flow(ctx, "JOBS").settle(consumer, [message(said(submitted(number))) for number in range(5)])
    assert await toy.rows(SUBMITTED) == [(1,)] * 5
    assert len(consumer.acked) == 5 and consumer.sent_back == []


async def test_an_event_that_comes_twice_has_one_effect(toy: Toy) -> None:
    once = said(submitted(1))
    again = Record("another-message", once.subject, once.headers, once.data)
    ctx = await toy.context()
    async with toy.running(ctx):
        await toy.bus.publish([once, again, *(said(submitted(n)) for n in range(2, 4))])
        await until(lambda: toy.rows("select 1 from job having count(*) = 3"), "3 jobs")
        await toy.bus.publish([Record("a-third-message", once.subject, once.headers, once.data), said(submitted(4))])
        await until(lambda: toy.rows("select 1 from job having count(*) = 4"), "4 jobs")
    assert await toy.rows(SUBMITTED) == [(1,)] * 4


async def test_a_bad_event_lands_in_the_dead_letters_and_holds_up_nobody(toy: Toy) -> None:
    def fault(event: Event) -> None:
        if event.about == id_of("j", 5):
            raise Reject("never this one")

    toy.fault = fault
    records = [said(submitted(number)) for number in range(10)]
    broken = Record("e-broken", records[0].subject + "x", records[0].headers | {"ce-id": "x"}, b"{}")
    await toy.bus.publish([*records, broken])
    ctx = await toy.context()
    async with toy.running(ctx):
        await until(lambda: toy.rows("select 1 from job having count(*) = 9"), "9 jobs")
        await settled(toy, 2)
    dead = await toy.rows("select event_id, code from dead order by code")
    assert [code for _, code in dead] == ["event.malformed", "event.rejected"]
    assert dead[1][0] == records[5].id
    letter = next(r for r in toy.bus.streams["DEAD"].records if records[5].id in r.subject)
    assert letter.subject == f"assay.dead.matching.job.submitted.{records[5].id}"
    assert letter.headers["assay-code"] == "event.rejected" and "never this one" in letter.headers["assay-cause"]
    assert letter.data == records[5].data


async def test_a_dead_letter_is_replayed_once_its_cause_is_gone(toy: Toy) -> None:
    def fault(event: Event) -> None:
        raise Reject("not today")

    toy.fault = fault
    record = said(submitted(1))
    await toy.bus.publish([record])
    ctx = await toy.context()
    async with toy.running(ctx):
        await settled(toy, 1)
    assert [letter["event_id"] for letter in (await answer_list(ctx, {}))["letters"]] == [record.id]
    assert (await answer_show(ctx, {"id": record.id}))["data"] == record.data.decode()
    with pytest.raises(Reject):
        await answer_replay(ctx, {"id": record.id})
    toy.fault = lambda event: None
    assert (await answer_replay(ctx, {"id": record.id}))["handled"] == ["job.submitted"]
    assert await toy.rows(SUBMITTED) == [(1,)]
    assert (await answer_list(ctx, {}))["letters"] == []
    with pytest.raises(Refused):
        await answer_replay(ctx, {"id": record.id})


async def test_a_bug_is_tried_to_the_end_and_then_dead(toy: Toy) -> None:
    ctx = await toy.context()
    consumer = Recorder()

    def fault(event: Event) -> None:
        raise ZeroDivisionError("a bug")

    toy.fault = fault
    flow = Flow(ctx, "JOBS")
    for deliveries in (1, 2, DELIVERIES_MAX):
        await flow.settle(consumer, [message(said(submitted(1)), deliveries)])
    assert consumer.sent_back == [1.0, 2.0]
    assert len(consumer.acked) == 1
    assert await toy.rows("select code, deliveries from dead") == [("bug", DELIVERIES_MAX)]


async def test_what_follows_on_the_same_aggregate_goes_back_with_what_failed(toy: Toy) -> None:
    consumer = Recorder()

    def fault(event: Event) -> None:
        if isinstance(event, LeaseCommitted) and event.segment == 0 and event.lease_id == lease_of(1):
            raise Retry("not yet", 0.5)

    toy.fault = fault
    flow = Flow(await toy.context(handlers={LeaseCommitted: on_lease_committed}, publishes=()), "LEASES")
    events = [committed(1, 0), committed(2, 0), committed(1, 1)]
    await flow.settle(consumer, [message(said(event, PROVIDER)) for event in events])
    assert await toy.rows("select lease from segment") == [(lease_of(2),)]
    assert consumer.sent_back == [0.5, 0.5]


async def test_an_event_ahead_of_what_leads_to_it_waits(toy: Toy) -> None:
    ctx = await toy.context()
    consumer = Recorder()
    flow = Flow(ctx, "JOBS")
    early, first = message(said(funded(1))), message(said(submitted(1)))
    await flow.settle(consumer, [early])
    assert consumer.sent_back and await toy.rows("select * from outbox") == []
    await flow.settle(consumer, [first, early])
    assert await toy.rows("select submitted, funded from job") == [(1, 1)]


async def test_an_event_behind_is_counted_and_skipped(toy: Toy) -> None:
    ctx = await toy.context(handlers={k: v for k, v in toy.service().handlers.items() if k is not JobSubmitted})
    consumer = Recorder()
    flow = Flow(ctx, "JOBS")
    await flow.settle(consumer, [message(said(funded(1)))])
    late = said(funded(1), time_ms=2_000)
    await flow.settle(consumer, [message(late)])
    assert await toy.rows("select funded from job") == [(1,)]
    assert ctx.metrics.registry.get_sample_value("assay_events_behind_total", {"event": "job.funded"}) == 1
    assert len(consumer.acked) == 2


async def test_a_service_that_hears_late_handles_an_event_behind(toy: Toy) -> None:
    heard: list[int] = []

    async def note(said: Any, ports: Any, now: int) -> list[Event]:
        heard.append(said.time_ms)
        return []

    ctx = await toy.context(handlers={JobFunded: note}, hears_late=True)
    flow = Flow(ctx, "JOBS")
    for time_ms in (1_000, 2_000, 1_000):
        await flow.settle(Recorder(), [message(said(funded(1), time_ms=time_ms))])
    assert heard == [1_000, 2_000]
    assert await toy.rows("select state from life where entity = 'job'") == [("funded",)]


async def test_an_illegal_transition_is_rejected_and_undone(toy: Toy) -> None:
    async def start_unmatched(said: Any, ports: Any, now: int) -> list[Event]:
        await ports.tx.execute("insert into job values ($1)", said.event.job_id)
        return [JobStarted(job_id=said.event.job_id, requester=REQUESTER, lease_id=id_of("l", 1))]

    ctx = await toy.context(handlers={JobSubmitted: start_unmatched})
    await Flow(ctx, "JOBS").settle(Recorder(), [message(said(submitted(1)))])
    assert await toy.rows("select code from dead") == [("life.illegal",)]
    assert await toy.rows("select * from job") == []
    assert await toy.rows("select * from life where state <> ''") == []


async def test_an_event_that_was_not_declared_is_not_said(toy: Toy) -> None:
    ctx = await toy.context(publishes=())
    await Flow(ctx, "JOBS").settle(Recorder(), [message(said(submitted(1))), message(said(funded(1)))])
    assert await toy.rows("select code from dead") == [("event.rejected",)]


async def test_an_event_that_no_message_holds_is_not_said(toy: Toy) -> None:
    async def say_much(said: Any, ports: Any, now: int) -> list[Event]:
        reasons = {f"reason-{number}": number for number in range(10_000)}
        return [JobWaiting(job_id=said.event.job_id, requester=REQUESTER, reasons=reasons)]

    ctx = await toy.context(handlers={JobSubmitted: say_much})
    await Flow(ctx, "JOBS").settle(Recorder(), [message(said(submitted(1)))])
    assert await toy.rows("select code from dead") == [("event.oversized",)]


async def test_the_outbox_keeps_the_order_of_each_aggregate(toy: Toy) -> None:
    async with toy.running(await toy.context(), await toy.context()):
        for number in range(30):
            await toy.say(submitted(number), funded(number))
            await toy.say(started(number), source=PROVIDER)
        await settled(toy, 90)
    order: dict[str, list[str]] = {}
    for record in toy.bus.streams["JOBS"].records:
        _, _, event, _, about = record.subject.split(".")
        order.setdefault(about, []).append(event)
    assert set(map(tuple, order.values())) == {("submitted", "funded", "matched", "started")}


class Recorder:
    """A consumer that remembers what became of its messages."""

    def __init__(self) -> None:
        self.acked: list[Message] = []
        self.sent_back: list[float] = []

    async def ack(self, messages: Sequence[Message]) -> None:
        self.acked += messages

    async def nak(self, message: Message, delay_s: float) -> None:
        self.sent_back.append(delay_s)


def message(record: Record, deliveries: int = 1) -> Message:
    return Message(record.subject, record.headers, record.data, deliveries, 1)


def test_delays_grow_to_a_limit_and_end() -> None:
    assert [delay_of(Retry("x", 0.25), n) for n in (1, 2, 3, 10)] == [0.25, 0.5, 1.0, 30.0]
    assert delay_of(Retry("x", 60.0), 5) == 60.0
    assert delay_of(Retry("x"), DELIVERIES_MAX) is None
    assert delay_of(Reject("x"), 1) is None
