"""Shares that were bound and not revealed: a crash costs nothing, to withhold again and again is priced."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.verification.tests.court import Court
from services.verification.tests.samples import Work, party

from assay.schema.beacon import BeaconExcused, beacon_fact
from assay.verification.domain.withholding import (
    EXCUSED_MAX,
    FREE_MAX,
    GRACE_MS,
    INCIDENT_MS,
    WINDOW_MS,
    Miss,
    incidents_of,
    judge,
    named_of,
)

DAY_MS = 86_400_000
LATER = 10**15
VERIFIER = party("v", 11)


def misses(*at_ms: int, excused: bool = False) -> list[Miss]:
    return [Miss(f"b{at}", f"x{at}", at, is_excused=excused) for at in at_ms]


def test_one_crash_costs_nothing_however_many_shares_it_took() -> None:
    crash = misses(0, 1, 2_000, INCIDENT_MS - 1)
    found = judge(crash, LATER)
    assert not found.priced and sorted(found.judged) == sorted(miss.beacon_id for miss in crash)


def test_nothing_is_judged_before_it_can_be_excused_no_more() -> None:
    assert not judge(misses(0), INCIDENT_MS + GRACE_MS - 1).judged
    assert judge(misses(0), INCIDENT_MS + GRACE_MS).judged == ("b0",)


def test_each_further_incident_in_a_window_is_priced_once() -> None:
    found = judge(misses(0, DAY_MS, DAY_MS + 1, 9 * DAY_MS), LATER)
    assert [len(incident) for incident in found.priced] == [2, 1]
    known = [replace(miss, is_judged=True) for miss in misses(0, DAY_MS)]
    again = judge([*known, *misses(9 * DAY_MS)], LATER)
    assert [named_of(incident).missed_ms for incident in again.priced] == [9 * DAY_MS]


@pytest.mark.parametrize(("apart_ms", "priced"), [(WINDOW_MS - 1, 1), (WINDOW_MS, 0)])
def test_an_incident_is_forgotten_after_the_window(apart_ms: int, priced: int) -> None:
    assert len(judge(misses(0, apart_ms), LATER).priced) == priced


def test_a_late_reveal_excuses_a_crash_but_only_so_often_in_a_window() -> None:
    often = [day * DAY_MS for day in range(EXCUSED_MAX + FREE_MAX + 2)]
    assert not judge(misses(*often[: EXCUSED_MAX + FREE_MAX], excused=True), LATER).priced
    found = judge(misses(*often, excused=True), LATER)
    assert [named_of(incident).missed_ms for incident in found.priced] == often[EXCUSED_MAX + FREE_MAX :]
    # One share that stays secret is not excused by the others of its hour.
    held = [*misses(0), *misses(1, excused=True), *misses(DAY_MS), *misses(DAY_MS + 1, excused=True)]
    assert [named_of(incident).missed_ms for incident in judge(held, LATER).priced] == [DAY_MS]


@given(st.lists(st.tuples(st.integers(0, 90 * DAY_MS), st.booleans()), max_size=30), st.data())
def test_whatever_happens_no_window_costs_nothing_more_than_thrice_and_nobody_pays_twice(
    said: list[tuple[int, bool]], data: st.DataObject
) -> None:
    all_ = [Miss(f"b{turn}", "x", at, excused) for turn, (at, excused) in enumerate(said)]
    found = judge(all_, LATER)
    assert judge(data.draw(st.permutations(all_)), LATER) == found
    free = [incident for incident in incidents_of(all_) if incident not in found.priced]
    for incident in free:
        start = incident[0].missed_ms
        assert sum(start <= other[0].missed_ms < start + WINDOW_MS for other in free) <= EXCUSED_MAX + FREE_MAX
    done = {*found.judged}
    later = judge([replace(miss, is_judged=miss.beacon_id in done) for miss in all_], LATER)
    assert not later.priced and not later.judged


async def withhold(court: Court, number: int) -> str:
    """A work whose epoch is drawn without the verifier's share; the share."""
    async with court.context.store.transaction() as tx:
        await tx.execute("update verifiers set rests_until_ms = 0, away_until_ms = 0, absences = 0")
    await court.take(Work(number))
    await court.until_still()
    async with court.context.store.transaction() as tx:
        await tx.execute("update epochs set beacon_due_ms = 0 where state = 'awaiting'")
    await court.until_still()
    (missed,) = (await court.said("beacon.missed"))[-1:]
    assert (missed.verifier, missed.code) == (VERIFIER, "beacon.unrevealed")
    return str(missed.beacon_id)


async def pass_days(court: Court, days: int) -> None:
    """Everything that was missed was so many days earlier."""
    async with court.context.store.transaction() as tx:
        await tx.execute("update shares set missed_ms = missed_ms - $1 where missed_ms is not null", days * DAY_MS)
    await court.until_still()


@pytest.mark.server
async def test_who_crashes_once_is_not_named_and_who_withholds_again_is_each_time(court: Court) -> None:
    await court.admit(11, 12, 13)
    court.withholding.add(VERIFIER)
    await withhold(court, 1)
    await pass_days(court, 2)
    assert not await court.said("beacon.withheld")
    second = await withhold(court, 2)
    assert not await court.said("beacon.withheld"), "it may still be revealed late"
    await pass_days(court, 2)
    third = await withhold(court, 3)
    await pass_days(court, 2)
    named = await court.said("beacon.withheld")
    assert [(each.verifier, each.beacon_id, each.shares) for each in named] == [
        (VERIFIER, b, 1) for b in (second, third)
    ]
    await pass_days(court, 0)
    assert len(await court.said("beacon.withheld")) == 2


@pytest.mark.server
async def test_a_share_that_is_shown_late_and_is_what_was_bound_excuses_a_crash(court: Court) -> None:
    await court.admit(11, 12, 13)
    court.withholding.add(VERIFIER)
    for number, is_true in ((1, True), (2, True), (3, False), (4, False)):
        beacon_id = await withhold(court, number)
        share = court.shares[beacon_id]
        epoch_id = (await court.said("beacon.missed"))[-1].epoch_id
        fact, value = beacon_fact(epoch_id, VERIFIER), share.value if is_true else bytes(32)
        await court.hear(BeaconExcused(**fact, value=value.hex(), salt=share.salt.hex()))
        await pass_days(court, 2)
        # Two were shown late, one that was not is free; the next is priced.
        assert len(await court.said("beacon.withheld")) == (number == 4)
