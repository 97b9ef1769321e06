"""What nobody can answer comes to an end: nobody is slashed, and neither it is paid nor what it stands for."""

import time
from collections.abc import Callable

import pytest
from services.verification.tests.court import FAILS, Court, silent
from services.verification.tests.samples import Work, announced, party
from services.verification.tests.test_replication import LIE

from assay.proof.policy.asked import DECLINES_MAX, DECLINES_MIN
from assay.proof.unproven import is_spoken_for
from assay.runtime.context import Context
from assay.schema.audit import AuditAssigned
from assay.schema.epoch import REASONS_MAX, DrawnSegment, Unproven
from assay.schema.lease import UNCHECKED, UNPROVEN
from assay.schema.values import BOND_PER_VERIFIER
from assay.verification.domain import Candidate, Case, Want, draw_segments, part_of
from assay.verification.domain.unanswered import is_unanswerable, unchecked, unproven_of
from assay.verification.domain.whole import Whole
from assay.verification.queries import epochs

DAYS_MS = 3 * 86_400_000
Later = Callable[[], None]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Days pass."""

    def pass_() -> None:
        monkeypatch.setattr(Context, "now", lambda context: time.time_ns() // 1_000_000 + DAYS_MS)

    return pass_


async def go_on(court: Court, later: Later) -> None:
    """The service runs on until nobody is waited for any more, and while the answers that there are come in."""
    hands = court.hands()
    later()
    for number in (11, 12, 13):
        await court.hear(announced(number))
    for _ in range(12):
        for hand in hands:
            await hand.turn()
        await court.answer_all()
        await court._is_busy()


async def until_ended(court: Court, epochs_: int = 1) -> None:
    """Until so many epochs have ended; nobody rests for having declined."""
    end_s = time.monotonic() + 60
    while len(await court.said("epoch.passed", "epoch.rejected")) < epochs_:
        assert time.monotonic() < end_s, "it waits for ever"
        await court.until_still()
        async with court.context.store.transaction() as tx:
            await tx.execute("update verifiers set rests_until_ms = 0")


def by(*numbers: int) -> Callable[[AuditAssigned], bool]:
    """Whatever these are asked."""
    return lambda assigned: assigned.verifier in {party("v", number) for number in numbers}


def of(work: Work) -> Callable[[AuditAssigned], bool]:
    """Whatever is asked about a job."""
    return lambda assigned: assigned.spec == work.spec


def a_want(work: Work) -> Want:
    return Want("q", "0" * 64, b"", work.spec, (party("p", 1), party("r", 100)))


@pytest.mark.parametrize(
    ("here", "declined", "times", "answered", "is_given_up"),
    [
        (3, 3, 2, 0, True),
        (3, 3, 1, 0, False),
        (3, 2, 9, 0, False),
        (3, 2, 9, 1, False),
        (4, 3, 2, 0, False),
        (4, 3, 2, 1, True),
        (20, DECLINES_MAX - 1, 9, 0, False),
        (20, DECLINES_MAX, 1, 0, True),
        (0, DECLINES_MIN, 1, 0, True),
        (0, 0, 0, 0, False),
    ],
)
def test_a_segment_is_given_up_once_all_have_declined_twice_and_three_at_least_or_nine(
    here: int, declined: int, times: int, answered: int, is_given_up: bool
) -> None:
    there = [Candidate(announced(11 + at), BOND_PER_VERIFIER) for at in range(here)]
    names = [party("v", 11 + at) for at in range(declined + answered)]
    said = (dict.fromkeys(names[:declined], times), names[declined:])
    assert is_unanswerable(a_want(Work(1, segments=1)), there, *said, 0) == is_given_up


@pytest.mark.parametrize("keeps", [{"expires_ms": 0}, {"memory_bytes": 0}])
def test_who_could_not_be_asked_is_not_waited_for(keeps: dict[str, int]) -> None:
    work = Work(1, segments=1)
    asked = [Candidate(announced(11 + at), BOND_PER_VERIFIER) for at in range(3)]
    other = Candidate(announced(14).model_copy(update=keeps), BOND_PER_VERIFIER)
    wanted = a_want(work)
    spec = wanted.spec.model_copy(
        update={"requirements": wanted.spec.requirements.model_copy(update={"memory_bytes": 9})}
    )
    want = Want("q", "0" * 64, b"", spec, wanted.parties)
    assert is_unanswerable(want, [*asked, other], {each.verifier: 2 for each in asked}, (), 1)
    # Who is busy or rests could still.
    late = Candidate(announced(15), BOND_PER_VERIFIER, in_hand=1, rests_until_ms=2**40)
    assert not is_unanswerable(want, [*asked, late], {each.verifier: 2 for each in asked}, (), 1)


def test_what_an_order_had_drawn_besides_makes_no_other_segment_weigh_less() -> None:
    drawn = [DrawnSegment(lease_id="l" + "a" * 26, segment=at) for at in range(8)]
    extra = {(each.lease_id, each.segment) for each in drawn[2:]}
    found = unproven_of(drawn[1:3], drawn, extra, {f"a.{chr(97 + at)}": at for at in range(20)})
    assert found and (found.counted, found.of, len(found.reasons)) == (1, 2, REASONS_MAX)
    assert unproven_of([], drawn, extra, {}) is None


@pytest.mark.parametrize("false", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("k", [3, 20, 40])
def test_who_makes_what_is_false_unanswerable_loses_as_much_as_it_brings(k: int, false: float) -> None:
    """On average of real draws from leases of one segment and of five, though nobody is slashed."""
    works = [Work(at + 1, segments=5 if at % 4 == 3 else 1) for at in range(20)]
    found, whole = [work.case() for work in works], Whole()
    for case in found:
        whole.add(case, part_of(case).entry)
    bad = {work.lease_id for work in works[: int(false * len(works))]}
    lost, games = 0, 300
    for game in range(games):
        beacon = game.to_bytes(32)
        draw = draw_segments(1, beacon, "0" * 64, party("p", 1), 1, whole.ranges, whole.asked, k)
        lost += lost_in(found, bad, draw.seed, draw.segments)
    brought = sum(work.segments for work in works if work.lease_id in bad)
    assert lost / games > 0.9 * brought


def lost_in(found: list[Case], bad: set[str], seed: str, drawn: tuple[DrawnSegment, ...]) -> int:
    """The segments that go unpaid where those of these leases cannot be answered."""
    places = [each for each in drawn if each.lease_id in bad]
    unproven, own = unproven_of(places, drawn, (), {}), {each.lease_id for each in places}
    of_lease = [(case, {e.segment for e in drawn if e.lease_id == case.granted.lease_id}) for case in found]
    return sum(
        len(case.commits)
        for case, segments in of_lease
        if case.granted.lease_id in own or unchecked(case, segments, seed, unproven)
    )


async def test_what_all_decline_is_not_paid_and_nobody_is_blamed(court: Court) -> None:
    await court.admit(11, 12, 13)
    work = Work(1, segments=2)
    court.declines = of(work)
    await court.take(work)
    await until_ended(court)
    (ended,) = await court.said("epoch.passed")
    places = [(each.lease_id, each.segment) for each in ended.unproven.segments]
    assert places == [(work.lease_id, 0), (work.lease_id, 1)]
    assert (ended.unproven.counted, ended.unproven.of, ended.unproven.reasons) == (2, 2, {FAILS: 12})
    assert [event.code for event in await court.said("lease.rejected")] == [UNPROVEN]
    assert await court.types("job") == ["job.rejected"]
    assert not await court.said(
        "audit.upheld", "audit.overruled", "dispute.lodged", "epoch.rejected", "epoch.mismatched"
    )
    # Each was asked twice, the second time once all had been asked: nobody runs in vain for ever what it cannot.
    for segment in (0, 1):
        asked = [each.verifier for each in await court.said("audit.assigned") if each.segment == segment]
        assert len(set(asked[:3])) == len(set(asked[3:])) == 3 and len(asked) == 6


async def test_one_verifier_that_answers_is_enough_whoever_else_declines(court: Court) -> None:
    await court.admit(*range(11, 17))
    court.declines = by(11, 12, 13, 14, 15)
    work = Work(1, segments=2)
    await court.take(work)
    await court.until_still()
    assert await court.types("job") == ["job.verified"]
    assert {audit.verifier for audit in await court.said("audit.upheld")} == {party("v", 16)}
    assert (await court.said("epoch.passed"))[0].unproven is None


async def test_what_it_stands_for_is_not_paid_and_what_was_looked_at_is(court: Court) -> None:
    court.knobs["draws"] = 4
    await court.admit(11, 12, 13)
    works = [Work(number, segments=1) for number in range(1, 17)]
    first = list[AuditAssigned]()

    def declines(assigned: AuditAssigned) -> bool:
        first.append(assigned)
        return assigned.spec == first[0].spec

    court.declines = declines
    await court.take(*works)
    await until_ended(court)
    (drawn,), (ended,) = await court.said("epoch.drawn"), await court.said("epoch.passed")
    (place,) = ended.unproven.segments
    looked_at = {each.lease_id for each in drawn.drawn}
    spoken_for = {w.lease_id for w in works if is_spoken_for(drawn.seed, w.lease_id, 1, 4)} - looked_at
    rejected = {event.lease_id: event.code for event in await court.said("lease.rejected")}
    assert rejected == {place.lease_id: UNPROVEN} | dict.fromkeys(spoken_for, UNCHECKED)
    paid = {event.lease_id for event in await court.said("lease.verified")}
    assert paid == {work.lease_id for work in works} - rejected.keys() and looked_at - {place.lease_id} <= paid


async def test_an_epoch_with_what_nobody_could_answer_makes_no_record(court: Court) -> None:
    await court.admit(11, 12, 13)
    court.declines = of(Work(1, segments=1))
    await court.take(Work(1, segments=1))
    await until_ended(court)
    await court.take(Work(2, segments=1))
    await until_ended(court, 2)
    async with court.context.store.transaction() as tx:
        assert await epochs.passed_since_fault(tx, party("p", 1)) == 1


@pytest.mark.parametrize("asks", ["nobody", "silent"])
async def test_what_nobody_answers_for_days_ends_and_says_what_was_in_the_way(
    court: Court, later: Later, asks: str
) -> None:
    court.knobs["audit_s"] = 1
    if asks == "silent":
        await court.admit(11, 12, 13)
        court.finds |= {party("v", number): silent for number in (11, 12, 13)}
    work = Work(1, segments=1)
    await court.take(work)
    await court.until_still()
    assert not await court.said("epoch.passed")
    await go_on(court, later)
    (ended,) = await court.said("epoch.passed")
    assert ended.unproven.reasons == {"nobody": {"verifier.none": 1}, "silent": {"audit.lapsed": 1}}[asks]
    assert [event.code for event in await court.said("lease.rejected")] == [UNPROVEN]


async def test_a_service_that_was_away_for_days_gives_nothing_up_before_verifiers_had_their_time(
    court: Court, later: Later
) -> None:
    work = Work(1, segments=1)
    await court.take(work)
    await court.until_still()
    later()
    await court.admit(11)
    await court.until_still()
    assert await court.types("job") == ["job.verified"]


async def test_what_one_finds_false_and_nobody_confirms_is_neither_paid_nor_slashed(court: Court) -> None:
    await court.admit(11, 12, 13, 14)
    court.declines = by(12, 13, 14)
    cheat = Work(1, segments=1, lies={0: LIE})
    await court.take(cheat)
    await until_ended(court)
    assert [event.code for event in await court.said("lease.rejected")] == [UNPROVEN]
    # Nor is it paid: else who sees that most will decline could say anything.
    upheld = [(audit.verifier, audit.agreed, audit.fee) for audit in await court.said("audit.upheld")]
    assert upheld == [(party("v", 11), False, 0)]
    assert not await court.said("audit.overruled", "dispute.lodged", "lease.verified")


async def test_two_who_find_it_false_are_enough_if_the_third_never_says_anything(court: Court, later: Later) -> None:
    await court.admit(11)
    await court.take(Work(1, segments=1, lies={0: LIE}))
    await court.until_still()
    assert await court.said("epoch.mismatched")
    court.finds[party("v", 13)] = silent
    await court.admit(12, 13)
    await court.until_still()
    assert not await court.said("lease.rejected")
    await go_on(court, later)
    assert [event.code for event in await court.said("lease.rejected")] == ["segment.mismatch"]


@pytest.mark.parametrize("method", [None, "replication"])
async def test_an_epoch_ends_whose_every_question_has_a_twin_that_nobody_answers(
    court: Court, method: str | None
) -> None:
    court.knobs |= {"planted_ppm": 500_000}
    await court.admit(*range(11, 17), slots=8)
    work = Work(1, segments=1, method=method)
    court.declines = of(work)
    await court.take(work)
    await until_ended(court)
    assert [event.code for event in await court.said("lease.rejected")] == [UNPROVEN]
    assert not await court.said("audit.upheld", "audit.overruled")


def test_an_unproven_epoch_that_names_no_segment_is_none() -> None:
    with pytest.raises(ValueError, match="segments"):
        Unproven(segments=(), counted=0, of=1, reasons={})
