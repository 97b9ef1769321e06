"""Units of work of a task: all or nothing, with the checks and the outbox of a handler."""

import pytest
from libs.runtime.tests.test_timers import matched, waiting
from libs.runtime.tests.toy import REQUESTER, Toy, id_of, submitted

from assay.schema import Envelope
from assay.schema.errors import IllegalTransition
from assay.schema.job import JobMatched, JobStarted, JobSubmitted

pytestmark = pytest.mark.server

FUND = "insert into life values ('job', $1, 'funded')"


async def test_a_unit_commits_its_effects_with_what_it_says(toy: Toy) -> None:
    ctx = await toy.context()
    async with ctx.unit("e-cause") as unit:
        await unit.tx.execute(FUND, id_of("j", 1))
        await unit.ports.tx.execute("insert into job values ('x')")
        unit.emit(matched(1))
    assert await toy.rows("select headers::jsonb ->> 'ce-cause' from outbox") == [("e-cause",)]
    assert await toy.rows("select state from life") == [("matched",)]
    assert await toy.rows("select id from job") == [("x",)]


async def test_a_unit_that_fails_leaves_nothing(toy: Toy) -> None:
    ctx = await toy.context()
    with pytest.raises(ZeroDivisionError):
        async with ctx.unit() as unit:
            unit.emit(waiting(1))
            raise ZeroDivisionError
    with pytest.raises(IllegalTransition):
        async with ctx.unit() as unit:
            await unit.tx.execute("insert into job values ('x')")
            unit.emit(waiting(1))
            unit.emit(JobStarted(job_id=id_of("j", 1), requester=REQUESTER, lease_id=id_of("l", 1)))
    assert await toy.rows("select 1 from outbox union select 1 from job") == []


async def test_a_unit_done_twice_for_one_cause_says_one_thing(toy: Toy) -> None:
    ctx = await toy.context()
    for _ in range(2):
        async with ctx.unit("e-cause") as unit:
            unit.emit(waiting(1))
            unit.emit(waiting(1))
    assert await toy.rows("select count(*) from outbox") == [(2,)]


async def test_what_a_participant_signed_is_forwarded_as_it_came(toy: Toy) -> None:
    ctx = await toy.context()
    signed = Envelope("e" + "a" * 26, REQUESTER, 5, submitted(1), b'{"as": "signed"}', signature="0x" + "ab" * 65)
    async with ctx.unit() as unit:
        unit.forward(signed)
    rows = await toy.rows("select event_id, subject, data, headers::jsonb ->> 'ce-signature' from outbox")
    assert rows == [(signed.id, signed.subject, signed.data, signed.signature)]
    assert await toy.rows("select * from life") == []


async def test_what_was_born_already_is_not_born_again(toy: Toy) -> None:
    ctx = await toy.context(handlers={}, publishes=(JobSubmitted, JobMatched))
    async with ctx.unit() as unit:
        unit.emit(submitted(1))
    with pytest.raises(IllegalTransition):
        async with ctx.unit() as unit:
            unit.emit(submitted(1))
