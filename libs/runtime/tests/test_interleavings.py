"""However events are repeated, reordered between batches, failed and shared out, the same tables come of them."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from libs.runtime.tests.toy import PROVIDER, Toy, committed, funded, id_of, lease_of, said, started, submitted

from assay.bus.port import Message
from assay.runtime.flow import Flow
from assay.schema import Event
from assay.schema.errors import Retry

pytestmark = [pytest.mark.server]

JOBS = 4
TABLES = (
    "select id, submitted, funded from job order by id",
    "select lease, segment, times from segment order by 1, 2",
    "select entity, id, state from life where state <> '' order by 1, 2",
    "select split_part(subject, '.', 2) || '.' || split_part(subject, '.', 3) from outbox order by 1",
)


class Unsettled:
    """A consumer that keeps each message until it is acknowledged, and loses some acknowledgements."""

    def __init__(self, messages: Sequence[Message], chance: random.Random) -> None:
        self.open = {message.stream_sequence: message for message in messages}
        self._chance = chance

    def some(self) -> list[Message]:
        """Any part of what is unsettled, in any order of batches; within a batch as the stream has it."""
        count = self._chance.randint(1, len(self.open))
        return [self.open[sequence] for sequence in sorted(self._chance.sample(sorted(self.open), count))]

    async def ack(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if self._chance.random() < 0.8:
                self.open.pop(message.stream_sequence, None)

    async def nak(self, message: Message, delay_s: float) -> None:
        """It stays open."""


def story() -> list[Message]:
    """The events of some jobs and leases, as a stream has them."""
    events: list[Event] = []
    for number in range(JOBS):
        events += [submitted(number), funded(number)]
    for number in range(JOBS):
        events += [started(number), committed(number, 0), committed(number, 1)]
    records = [said(event, PROVIDER) for event in events]
    return [Message(r.subject, r.headers, r.data, 1, n) for n, r in enumerate(records)]


async def end_of(toy: Toy, seed: int) -> list[list[tuple[object, ...]]]:
    """The tables after the story was told by chance."""
    chance = random.Random(seed)

    def fault(event: Event) -> None:
        if chance.random() < 0.1:
            raise Retry("by chance") if chance.random() < 0.5 else ZeroDivisionError("by chance")

    toy.fault = fault
    if not toy.replicas:
        toy.replicas = [await toy.context(), await toy.context()]
    await toy.rows("truncate job, segment, life, outbox, inbox, dead")
    consumer = Unsettled(story(), chance)
    while consumer.open:
        await Flow(chance.choice(toy.replicas), "JOBS").settle(consumer, consumer.some())
    return [await toy.rows(sql) for sql in TABLES]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
async def test_any_interleaving_of_redelivery_ends_in_the_same_tables(toy: Toy, seed: int) -> None:
    jobs, segments, lives, outbox = await end_of(toy, seed)
    assert jobs == sorted((id_of("j", number), 1, 1) for number in range(JOBS))
    assert segments == sorted((lease_of(number), segment, 1) for number in range(JOBS) for segment in (0, 1))
    assert lives == [(entity, id_, "running") for entity, id_, _ in lives] and len(lives) == 2 * JOBS
    assert [row[0] for row in outbox] == ["job.matched"] * JOBS + ["job.started"] * JOBS + ["lease.granted"] * JOBS
