"""What every bus promises, held by the real one and by its twin."""

import asyncio
import time
from collections.abc import Callable

import pytest

from assay.bus import Bus, Consumer, Message, Record
from assay.schema.errors import Refused, Reject, Retry, Unreachable

JOBS = ["assay.job.>"]
# A deadline for what must come, not a measure of it.
WITHIN_S = 60.0
NOTHING_S = 0.05

Records = Callable[..., list[Record]]


def numbers(messages: list[Message]) -> list[int]:
    return [int(message.data) for message in messages]


async def drain(consumer: Consumer, count: int) -> list[Message]:
    """That many messages, acked."""
    found: list[Message] = []
    async with asyncio.timeout(WITHIN_S):
        while len(found) < count:
            messages = await consumer.fetch()
            await consumer.ack(messages)
            found += messages
    return found


async def test_what_is_published_is_fetched_in_order_with_its_headers(bus: Bus, records: Records) -> None:
    await bus.publish(records(5))
    consumer = await bus.consumer("JOBS", "matching-jobs", JOBS)
    messages = await consumer.fetch()
    assert numbers(messages) == [1, 2, 3, 4, 5]
    assert [message.stream_sequence for message in messages] == [1, 2, 3, 4, 5]
    assert messages[0].subject == "assay.job.submitted.r1.j1"
    assert messages[0].headers["ce-id"] == messages[0].headers["Nats-Msg-Id"] == "ejob.submitted1"
    assert {message.deliveries for message in messages} == {1}


async def test_a_message_says_when_its_stream_took_it_in_however_late_it_is_fetched(bus: Bus, records: Records) -> None:
    before_ms = time.time_ns() // 1_000_000
    await bus.publish(records(1))
    after_ms = time.time_ns() // 1_000_000
    consumer = await bus.consumer("JOBS", "matching-jobs", JOBS)
    await asyncio.sleep(0.05)
    (message,) = await consumer.fetch()
    assert before_ms <= message.stored_ms <= after_ms


async def test_a_consumer_starts_at_the_streams_start_and_hears_what_comes_later(bus: Bus, records: Records) -> None:
    await bus.publish(records(1))
    consumer = await bus.consumer("JOBS", "matching-jobs", JOBS)
    await bus.publish(records(2, first=2))
    assert numbers(await drain(consumer, 2)) == [1, 2]


async def test_a_record_said_twice_is_stored_once(bus: Bus, records: Records) -> None:
    consumer = await bus.consumer("JOBS", "matching-jobs", JOBS)
    await bus.publish(records(3))
    await bus.publish(records(1))
    await bus.publish(records(3))
    # A batch of which a part is in already, and in which one record stands twice.
    await bus.publish([*records(5, first=2), *records(5, first=5)])
    await bus.publish(records(6, first=6))
    assert numbers(await drain(consumer, 6)) == [1, 2, 3, 4, 5, 6]


async def test_one_call_reaches_several_streams(bus: Bus, records: Records) -> None:
    await bus.publish([*records(2), *records(3, event="lease.granted"), *records(4, first=3)])
    jobs = await bus.consumer("JOBS", "matching-jobs", JOBS)
    leases = await bus.consumer("LEASES", "matching-leases", ["assay.lease.>"])
    assert numbers(await jobs.fetch()) == [1, 2, 3, 4]
    assert numbers(await leases.fetch()) == [1, 2, 3]


async def test_more_than_a_batch_arrives_whole_and_in_order(bus: Bus, records: Records) -> None:
    await bus.publish(records(2100))
    consumer = await bus.consumer("JOBS", "matching-jobs", JOBS)
    assert numbers(await drain(consumer, 2100)) == list(range(1, 2101))


async def test_nothing_is_published_by_an_empty_call(bus: Bus) -> None:
    await bus.publish([])
    consumer = await bus.consumer("JOBS", "matching-jobs", JOBS)
    assert await consumer.fetch(wait_s=NOTHING_S) == []


async def test_a_subject_that_no_stream_holds_is_rejected(bus: Bus) -> None:
    with pytest.raises(Reject, match=r"assay\.cake"):
        await bus.publish([Record("e1", "assay.cake.baked.r1.c1", {}, b"")])


async def test_fetch_does_not_wait_for_a_batch_to_fill(bus: Bus, records: Records) -> None:
    consumer = await bus.consumer("JOBS", "matching-jobs", JOBS)
    await bus.publish(records(3))
    async with asyncio.timeout(WITHIN_S):
        assert numbers(await consumer.fetch(max_messages=256, wait_s=10 * WITHIN_S)) == [1, 2, 3]


async def test_fetch_wakes_at_the_first_thing_that_comes(bus: Bus, records: Records) -> None:
    consumer = await bus.consumer("JOBS", "matching-jobs", JOBS)
    fetching = asyncio.create_task(consumer.fetch(wait_s=10 * WITHIN_S))
    await asyncio.sleep(NOTHING_S)
    await bus.publish(records(1))
    async with asyncio.timeout(WITHIN_S):
        assert numbers(await fetching) == [1]


async def test_fetch_gives_at_most_what_is_asked_for(bus: Bus, records: Records) -> None:
    await bus.publish(records(5))
    consumer = await bus.consumer("JOBS", "matching-jobs", JOBS)
    assert numbers(await consumer.fetch(max_messages=2)) == [1, 2]
    assert numbers(await consumer.fetch(max_messages=2)) == [3, 4]
    assert numbers(await consumer.fetch(max_messages=2)) == [5]
    assert await consumer.fetch(max_messages=2, wait_s=NOTHING_S) == []


async def test_what_is_not_acked_comes_again(bus: Bus, records: Records) -> None:
    await bus.publish(records(2))
    consumer = await bus.consumer("JOBS", "matching-jobs", JOBS, ack_wait_s=0.3)
    first, second = await consumer.fetch()
    await consumer.ack([first])
    async with asyncio.timeout(WITHIN_S):
        [again] = await consumer.fetch(wait_s=WITHIN_S)
    assert (again.data, again.deliveries, again.stream_sequence) == (second.data, 2, second.stream_sequence)


async def test_what_is_acked_never_comes_again(bus: Bus, records: Records) -> None:
    await bus.publish(records(3))
    consumer = await bus.consumer("JOBS", "matching-jobs", JOBS, ack_wait_s=0.2)
    await consumer.ack(await consumer.fetch())
    assert await consumer.fetch(wait_s=0.6) == []
    await consumer.ack([])


async def test_what_is_refused_comes_again_after_the_delay(bus: Bus, records: Records) -> None:
    await bus.publish(records(1))
    consumer = await bus.consumer("JOBS", "matching-jobs", JOBS)
    [message] = await consumer.fetch()
    await consumer.nak(message, delay_s=0.3)
    assert await consumer.fetch(wait_s=NOTHING_S) == []
    async with asyncio.timeout(WITHIN_S):
        [again] = await consumer.fetch(wait_s=WITHIN_S)
    assert again.deliveries == 2


async def test_what_is_terminated_never_comes_again(bus: Bus, records: Records) -> None:
    await bus.publish(records(1))
    consumer = await bus.consumer("JOBS", "matching-jobs", JOBS, ack_wait_s=0.2)
    [message] = await consumer.fetch()
    await consumer.term(message)
    assert await consumer.fetch(wait_s=0.6) == []


async def test_a_consumer_reads_only_its_subjects(bus: Bus, records: Records) -> None:
    await bus.publish([*records(2), *records(2, event="job.funded"), *records(2, event="job.expired")])
    wanted = ["assay.job.funded.*.*", "assay.job.expired.*.*"]
    consumer = await bus.consumer("JOBS", "matching-jobs", wanted)
    assert [m.subject.split(".")[2] for m in await consumer.fetch()] == ["funded", "funded", "expired", "expired"]


async def test_a_durable_goes_on_where_it_was_with_other_subjects(bus: Bus, records: Records) -> None:
    await bus.publish([*records(2), *records(2, event="job.funded")])
    consumer = await bus.consumer("JOBS", "matching-jobs", ["assay.job.submitted.*.*"])
    await consumer.ack(await consumer.fetch())
    wider = await bus.consumer("JOBS", "matching-jobs", ["assay.job.submitted.*.*", "assay.job.funded.*.*"])
    await bus.publish([*records(3, first=3), *records(3, first=3, event="job.funded")])
    subjects = [message.subject for message in await drain(wider, 2)]
    assert subjects[-2:] == ["assay.job.submitted.r1.j3", "assay.job.funded.r1.j3"]


async def test_the_replicas_of_a_service_share_its_messages(bus: Bus, records: Records) -> None:
    one = await bus.consumer("JOBS", "matching-jobs", JOBS)
    other = await bus.consumer("JOBS", "matching-jobs", JOBS)
    await bus.publish(records(6))
    first, second = await one.fetch(max_messages=3), await other.fetch(max_messages=6)
    assert (numbers(first), numbers(second)) == ([1, 2, 3], [4, 5, 6])


async def test_each_service_reads_everything_by_itself(bus: Bus, records: Records) -> None:
    await bus.publish(records(2))
    for durable in ("matching-jobs", "settlement-jobs"):
        consumer = await bus.consumer("JOBS", durable, JOBS)
        assert numbers(await consumer.fetch()) == [1, 2]


async def test_a_question_is_answered(bus: Bus) -> None:
    async def answer(message: Message) -> tuple[dict[str, str], bytes]:
        return {"seen": message.headers["who"]}, message.data.upper()

    await bus.serve("assay.ask.matching.shout", answer)
    said = await bus.ask("assay.ask.matching.shout", b"ha", {"who": "me"})
    assert (said.data, said.headers["seen"]) == (b"HA", "me")


async def test_a_refusal_crosses_the_bus_with_its_code(bus: Bus) -> None:
    async def refuse(message: Message) -> bytes:
        raise Refused("rate.exceeded", "Ten a second.", retry_after_s=2.5)

    await bus.serve("assay.ask.gateway.more", refuse)
    with pytest.raises(Refused) as refused:
        await bus.ask("assay.ask.gateway.more", b"")
    assert (refused.value.code, refused.value.detail) == ("rate.exceeded", "Ten a second.")
    assert refused.value.fields["retry_after_s"] == 2.5


async def test_a_retry_crosses_the_bus_with_its_delay(bus: Bus) -> None:
    async def later(message: Message) -> bytes:
        raise Retry("Not yet.", 0.5)

    await bus.serve("assay.ask.gateway.more", later)
    with pytest.raises(Retry) as retry:
        await bus.ask("assay.ask.gateway.more", b"")
    assert retry.value.delay_s == 0.5


async def test_a_question_to_nobody_is_unreachable(bus: Bus) -> None:
    with pytest.raises(Unreachable):
        await bus.ask("assay.ask.nobody.anything", b"")


async def test_a_question_without_an_answer_is_to_be_tried_again(bus: Bus) -> None:
    async def sleep(message: Message) -> bytes:
        await asyncio.Event().wait()
        return b""

    await bus.serve("assay.ask.gateway.sleep", sleep)
    with pytest.raises(Retry):
        await bus.ask("assay.ask.gateway.sleep", b"", timeout_s=0.2)


async def test_a_slow_answer_does_not_hold_up_the_next(bus: Bus) -> None:
    released = asyncio.Event()

    async def answer(message: Message) -> bytes:
        if message.data == b"slow":
            await released.wait()
        return message.data

    await bus.serve("assay.ask.gateway.echo", answer)
    slow = asyncio.create_task(bus.ask("assay.ask.gateway.echo", b"slow", timeout_s=WITHIN_S))
    assert (await bus.ask("assay.ask.gateway.echo", b"quick", timeout_s=WITHIN_S)).data == b"quick"
    released.set()
    assert (await slow).data == b"slow"


async def test_a_bug_in_one_answer_does_not_end_the_service(bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    async def answer(message: Message) -> bytes:
        return b"%d" % (1 // len(message.data))

    await bus.serve("assay.ask.gateway.divide", answer)
    with pytest.raises(Retry):
        await bus.ask("assay.ask.gateway.divide", b"", timeout_s=0.2)
    assert (await bus.ask("assay.ask.gateway.divide", b"1")).data == b"1"
    assert "no answer was given on assay.ask.gateway.divide" in caplog.text


async def test_one_member_of_a_queue_answers(bus: Bus) -> None:
    answered: list[bytes] = []

    async def answer(message: Message) -> bytes:
        answered.append(message.data)
        return b""

    for _ in range(2):
        await bus.serve("assay.ask.gateway.once", answer, queue="gateway")
    for n in range(8):
        await bus.ask("assay.ask.gateway.once", b"%d" % n)
    assert answered == [b"%d" % n for n in range(8)]


async def test_what_is_said_is_heard_in_order_by_all_who_listen(bus: Bus) -> None:
    heard: list[list[bytes]] = [[], []]
    all_heard = asyncio.Event()

    def listener(of: list[bytes]):
        async def hear(message: Message) -> None:
            await asyncio.sleep(0)
            of.append(message.data)
            if all(len(each) == 20 for each in heard):
                all_heard.set()

        return hear

    for of in heard:
        await bus.listen("assay.beat.*", listener(of))
    for n in range(20):
        await bus.say("assay.beat.p1", b"%d" % n, {"ce-id": "e1"})
    async with asyncio.timeout(WITHIN_S):
        await all_heard.wait()
    assert heard == [[b"%d" % n for n in range(20)]] * 2


async def test_who_has_stopped_listening_hears_nothing(bus: Bus) -> None:
    heard: list[bytes] = []
    still = asyncio.Event()

    async def hear(message: Message) -> None:
        heard.append(message.data)

    async def tell(message: Message) -> None:
        still.set()

    listening = await bus.listen("assay.beat.*", hear)
    await listening.close()
    await bus.listen("assay.beat.*", tell)
    await bus.say("assay.beat.p1", b"1")
    async with asyncio.timeout(WITHIN_S):
        await still.wait()
    assert heard == []
