"""What a cheat could hope for from segments that nobody answers, and does not get."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from services.verification.tests.court import Court, silent
from services.verification.tests.samples import Work, announced, party
from services.verification.tests.test_replication import FULL, LIE
from services.verification.tests.test_unanswered import Later, a_want, by, go_on, later, until_ended

from assay.schema.lease import UNPROVEN
from assay.schema.values import BOND_PER_VERIFIER
from assay.verification.domain import Asked, Candidate, choose
from assay.verification.steps.refereeing import Referee
from assay.verification.steps.tending import Tender

__all__ = ["later"]


async def turns(court: Court, hands: Sequence[Any]) -> None:
    """The service runs on, and what it asks is answered."""
    for _ in range(8):
        for hand in hands:
            await hand.turn()
        await court.answer_all()


async def test_what_nobody_answers_hides_nothing_false_of_the_same_lease(court: Court) -> None:
    await court.admit(11, 12, 13)
    court.declines = lambda assigned: assigned.segment == 0
    await court.take(Work(1, segments=2, lies={1: LIE}))
    await until_ended(court)
    assert await court.said("epoch.rejected")
    assert [event.code for event in await court.said("lease.rejected")] == ["segment.mismatch"]


async def test_one_friend_that_answers_where_several_were_ordered_makes_no_segment_weigh_less(court: Court) -> None:
    """Else it would be no quorum, for which the rest of the epoch does not stand."""
    await court.admit(*range(11, 23))
    court.declines = lambda assigned: assigned.verifier != party("v", 11)
    await court.take(Work(1, segments=1, method="replication"))
    await until_ended(court)
    (ended,) = await court.said("epoch.passed")
    assert ended.unproven is not None and (ended.unproven.counted, ended.unproven.of) == (1, 1)
    assert [event.code for event in await court.said("lease.rejected")] == [UNPROVEN]


async def test_of_several_that_were_ordered_those_who_answer_are_paid_and_it_is_not(court: Court, later: Later) -> None:
    await court.admit(11, 12, 13)
    court.declines = by(13)
    court.knobs["audit_s"] = 1
    await court.take(Work(1, segments=1, method="replication"))
    await court.until_still()
    assert not await court.said("audit.upheld")
    await go_on(court, later)
    assert [event.code for event in await court.said("lease.rejected")] == [UNPROVEN]
    assert {audit.verifier: audit.fee for audit in await court.said("audit.upheld")} == {
        party("v", number): FULL for number in (11, 12)
    }


@pytest.mark.parametrize("seldom", [11, 12, 13])
def test_of_those_who_declined_is_asked_again_first_who_was_asked_less_often(seldom: int) -> None:
    """Else two of three may be asked in turn for ever, and what all must decline is never given up."""
    there = [Candidate(announced(number), BOND_PER_VERIFIER) for number in (11, 12, 13)]
    often = [each for each in there if each.verifier != party("v", seldom)]
    asked = tuple(Asked(each.verifier, each.announced.network, in_vain=True) for each in (*there, *often))
    chosen = choose(replace(a_want(Work(1, segments=1)), secret=bytes(32), asked=asked), there, 0)
    assert isinstance(chosen, Candidate) and chosen.verifier == party("v", seldom)


async def test_who_keeps_silent_in_turn_keeps_no_epoch_open_for_ever(court: Court, later: Later) -> None:
    court.knobs["audit_s"] = 1
    await court.admit(11, 12, 13)
    court.finds |= {party("v", number): silent for number in (12, 13, 14)}
    await court.take(Work(1, segments=1, method="replication"))
    await court.until_still()
    async with court.context.store.transaction() as tx:
        await tx.execute("update audits set deadline_ms = 2::bigint ^ 50 where verifier = $1", party("v", 12))
    asked, hands = len(await court.said("audit.assigned")), court.hands()
    later()
    await court.admit(14)
    await turns(court, hands)
    assert not await court.said("epoch.passed"), "one has time still"
    assert len(await court.said("audit.assigned")) == asked
    async with court.context.store.transaction() as tx:
        await tx.execute("update audits set deadline_ms = 0 where verifier = $1", party("v", 12))
    await turns(court, hands)
    assert [event.code for event in await court.said("lease.rejected")] == [UNPROVEN]


async def test_what_cannot_be_shown_is_given_up_and_the_rest_of_its_epoch_is_asked(court: Court, later: Later) -> None:
    work = Work(1, segments=2)
    await court.take(work)
    await court.until_still()
    async with court.context.store.transaction() as tx:
        await tx.execute("update questions set is_read = true, claimed_until_ms = 2::bigint ^ 50 where segment = 0")
    hands = [hand for hand in court.hands() if isinstance(hand, Tender | Referee)]
    later()
    await court.admit(11)
    await turns(court, hands)
    (ended,) = await court.said("epoch.passed")
    assert [place.segment for place in ended.unproven.segments] == [0]
    assert [audit.segment for audit in await court.said("audit.upheld")] == [1]
