"""What a cheat could hope for from segments that nobody answers, and does not get."""

from dataclasses import replace

import pytest
from services.verification.tests.court import Court
from services.verification.tests.samples import Work, announced, party
from services.verification.tests.test_replication import LIE
from services.verification.tests.test_unanswered import a_want, until_ended

from assay.schema.lease import UNPROVEN
from assay.schema.values import BOND_PER_VERIFIER
from assay.verification.domain import Asked, Candidate, choose


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


@pytest.mark.parametrize("seldom", [11, 12, 13])
def test_of_those_who_declined_is_asked_again_first_who_was_asked_less_often(seldom: int) -> None:
    """Else two of three may be asked in turn for ever, and what all must decline is never given up."""
    there = [Candidate(announced(number), BOND_PER_VERIFIER) for number in (11, 12, 13)]
    often = [each for each in there if each.verifier != party("v", seldom)]
    asked = tuple(Asked(each.verifier, each.announced.network, in_vain=True) for each in (*there, *often))
    chosen = choose(replace(a_want(Work(1, segments=1)), secret=bytes(32), asked=asked), there, 0)
    assert isinstance(chosen, Candidate) and chosen.verifier == party("v", seldom)
