"""What challenges show of a machine, and what of its offer is listed by it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from services.discovery.tests.desk import Desk
from services.discovery.tests.samples import (
    announced,
    called,
    ended,
    granted,
    measured,
    missed,
    refuted,
    staked,
)
from services.discovery.tests.test_handlers import told

from assay.discovery.domain import Shown, shown_after, within
from assay.schema.challenge import VOID
from assay.schema.event import Event
from assay.schema.offer import UNPROVEN, OfferListed
from assay.schema.values import Capacity

capacities = st.builds(
    Capacity, slots=st.integers(1, 4_096), memory_bytes=st.just(0), units_per_s=st.integers(0, 10_000)
)
units = st.integers(0, 10**6)
FAST: dict[str, Any] = {"capacity": Capacity(slots=2, memory_bytes=1, units_per_s=100)}


def listed(events: list[Event]) -> OfferListed:
    (event,) = events
    assert isinstance(event, OfferListed)
    return event


@given(capacities, st.integers(1, 10**6))
def test_no_more_is_listed_than_was_claimed_and_no_more_than_was_shown(capacity: Capacity, shown: int) -> None:
    found = within(capacity, Shown(shown, 1))
    assert found.slots <= capacity.slots and found.units_per_s <= capacity.units_per_s
    assert found.claim <= max(shown, 1)
    assert found == capacity or capacity.claim > shown


@given(units, units, st.integers(0, 9), st.integers(1, 8))
def test_what_is_busy_keeps_its_share_and_no_more(before: int, found: int, busy: int, slots: int) -> None:
    after = shown_after(Shown(before, 1), found, busy, slots)
    assert found <= after <= max(found, before)
    assert after >= min(before, found + before * min(busy, slots) // slots)
    assert shown_after(Shown(before, 1), found, 0, slots) == found


@given(units, st.integers(1, 7))
def test_a_machine_that_never_answers_is_worth_nothing_soon_however_it_keeps_some_slots_busy(
    before: int, busy: int
) -> None:
    shown = Shown(before, 0)
    for block in range(1, 200):
        shown = Shown(shown_after(shown, 0, busy, 8), block)
    assert shown.units_per_s == 0


async def test_a_newcomer_is_listed_without_a_speed_and_then_up_to_what_it_shows(desk: Desk) -> None:
    await desk.tell(staked(slots=200))
    first = listed(await desk.tell(announced(**FAST)))
    assert (first.capacity.units_per_s, first.capacity.slots, first.measured) == (0, 2, None)
    assert await desk.tell(called()) == []
    shown = listed(await desk.tell(measured(150)))
    assert (shown.capacity.slots, shown.capacity.units_per_s) == (2, 75)
    assert shown.measured and (shown.measured.units_per_s, shown.measured.claimed) == (150, 200)
    renewed = listed(await desk.tell(announced(sequence=2, **FAST)))
    assert renewed.capacity == shown.capacity


async def test_slots_beyond_what_was_shown_are_not_listed(desk: Desk) -> None:
    await desk.tell(staked(slots=50), announced(slots=50), called())
    assert listed(await desk.tell(measured(7))).capacity.slots == 7


async def test_an_idle_machine_that_does_not_answer_is_delisted_until_it_does(desk: Desk) -> None:
    await desk.tell(staked(), announced(), called())
    assert told(await desk.tell(missed())) == [("offer.delisted", UNPROVEN)]
    assert told(await desk.tell(announced(sequence=2))) == [("offer.refused", UNPROVEN)]
    await desk.tell(called(block=2))
    assert told(await desk.tell(measured(5, block=2))) == [("offer.listed", None)]


async def test_what_is_busy_is_not_asked_again(desk: Desk) -> None:
    await desk.tell(staked(), announced(), called(), measured(5), granted(), called(block=2))
    kept = listed(await desk.tell(missed(block=2)))
    assert kept.measured and kept.measured.units_per_s == 5
    await desk.tell(ended(), called(block=3))
    assert told(await desk.tell(missed(block=3))) == [("offer.delisted", UNPROVEN)]


async def test_a_newcomer_at_work_stays_listed(desk: Desk) -> None:
    await desk.tell(staked(), announced(), granted(), called())
    assert told(await desk.tell(missed())) == [("offer.listed", None)]


async def test_nobody_is_delisted_by_a_challenge_that_nobody_heard(desk: Desk) -> None:
    await desk.tell(staked(), announced(), called())
    assert await desk.tell(missed(code=VOID)) == []


async def test_whose_answer_was_false_is_delisted_at_work_or_not(desk: Desk) -> None:
    await desk.tell(staked(), announced(), called(), measured(5), granted(), called(block=2))
    assert told(await desk.tell(refuted(block=2))) == [("offer.delisted", UNPROVEN)]


async def test_an_earlier_challenge_that_ends_later_changes_nothing(desk: Desk) -> None:
    await desk.tell(staked(), announced(), called(), called(block=2), measured(5, block=2))
    assert await desk.tell(missed()) == []
