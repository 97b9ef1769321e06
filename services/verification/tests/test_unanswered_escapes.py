"""What a cheat could hope for from segments that nobody answers, and does not get."""

from services.verification.tests.court import Court
from services.verification.tests.samples import Work
from services.verification.tests.test_replication import LIE
from services.verification.tests.test_unanswered import until_ended


async def test_what_nobody_answers_hides_nothing_false_of_the_same_lease(court: Court) -> None:
    await court.admit(11, 12, 13)
    court.declines = lambda assigned: assigned.segment == 0
    await court.take(Work(1, segments=2, lies={1: LIE}))
    await until_ended(court)
    assert await court.said("epoch.rejected")
    assert [event.code for event in await court.said("lease.rejected")] == ["segment.mismatch"]
