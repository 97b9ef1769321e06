"""What admits an offer and what a record is worth: bounds and orders that hold for every value."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.discovery.tests.samples import HOUR_MS, NOW_MS, SLOT_STAKE, offer_of

from assay.discovery.checks import admit
from assay.discovery.checks.expiry import LIFE_MS_MAX
from assay.discovery.domain import DAY_MS, DAY_S, Objection, Output, Pulse, Standing, Terms, is_bulk, is_newer
from assay.proof.reputation import REPUTATION_NEWCOMER
from assay.schema.offer import Offer
from assay.schema.values import Capacity

COUNTS = st.integers(0, 10_000)
STAKED = Standing(stake=SLOT_STAKE, claim=1, needed=SLOT_STAKE)
TODAY = NOW_MS // DAY_MS


@given(COUNTS, COUNTS, COUNTS)
def test_reputation_is_a_share_that_good_leases_raise_and_bad_and_dropped_ones_lower(
    verified: int, rejected: int, dropped: int
) -> None:
    standing = Standing(verified=verified, rejected=rejected, dropped=dropped)
    now = standing.reputation
    assert 0 <= now <= 1_000_000
    better, left, worse = (
        replace(standing, verified=verified + 1),
        replace(standing, dropped=dropped + 1),
        replace(standing, rejected=rejected + 1),
    )
    assert better.reputation >= now >= left.reputation >= worse.reputation


def test_a_newcomer_is_worth_half_and_one_lie_costs_it_most_of_that() -> None:
    assert Standing().reputation == REPUTATION_NEWCOMER
    assert Standing(rejected=1).reputation < REPUTATION_NEWCOMER // 2


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10**12)), max_size=9), st.integers(0, 3))
def test_the_output_of_the_day_before_is_what_was_verified_in_it_and_no_more(
    said: list[tuple[int, int]], later: int
) -> None:
    output, day, days = Output(), TODAY, {TODAY: 0}
    for ahead, units in said:
        day += ahead
        days[day] = days.get(day, 0) + units
        output = output.on(day, units)
    measured = output.units_per_s((day + later) * DAY_MS)
    assert measured == days.get(day + later - 1, 0) // DAY_S


@pytest.mark.parametrize(
    ("ahead_ms", "units_per_s", "is_listed"),
    [(0, 2, True), (DAY_MS, 2, False), (DAY_MS, 1, True), (2 * DAY_MS, 2, True)],
)
def test_who_did_more_than_it_claims_waits_a_day_or_claims_more(
    ahead_ms: int, units_per_s: int, is_listed: bool
) -> None:
    standing = replace(STAKED, output=Output().on(TODAY, units_per_s * DAY_S))
    now_ms = NOW_MS + ahead_ms
    found = admit(offer_of(expires_ms=now_ms + HOUR_MS), standing, Terms(), now_ms)
    assert code_of(found) == (None if is_listed else "offer.outgrown")


def code_of(objection: Objection | None) -> str | None:
    return objection.code if objection else None


@pytest.mark.parametrize(
    ("changes", "standing", "code"),
    [
        ({}, STAKED, None),
        ({"expires_ms": NOW_MS}, STAKED, "offer.expired"),
        ({"expires_ms": NOW_MS + LIFE_MS_MAX + 1}, STAKED, "offer.overlong"),
        ({"kinds": ("noop", "mining")}, STAKED, "offer.unknown_kind"),
        ({"slots": 2}, STAKED, "offer.unclaimed"),
        ({"capacity": Capacity(slots=1, memory_bytes=0, units_per_s=2)}, STAKED, "offer.unclaimed"),
        ({}, Standing(stake=SLOT_STAKE), "offer.unclaimed"),
        ({}, replace(STAKED, needed=SLOT_STAKE + 1), "offer.understaked"),
        ({}, replace(STAKED, rejected=3), "offer.distrusted"),
        ({}, replace(STAKED, verified=100, rejected=3), None),
        ({}, replace(STAKED, dropped=40), None),
        ({}, replace(STAKED, dropped=41), "offer.distrusted"),
        ({}, replace(STAKED, verified=10, dropped=41), None),
    ],
)
def test_each_check_has_its_code(changes: dict[str, object], standing: Standing, code: str | None) -> None:
    terms = Terms(frozenset({"noop", "finetune"}))
    assert code_of(admit(offer_of(**changes), standing, terms, NOW_MS)) == code


def test_without_terms_every_kind_is_listed() -> None:
    assert admit(offer_of(kinds=("mining",)), STAKED, Terms(), NOW_MS) is None


def test_a_check_of_ones_own_may_object() -> None:
    def no_islands(offer: Offer, standing: Standing, terms: Terms, now_ms: int) -> Objection | None:
        return Objection("offer.island", "No islands.") if offer.region == "is" else None

    assert code_of(admit(offer_of(region="is"), STAKED, Terms(), NOW_MS, (no_islands,))) == "offer.island"
    assert admit(offer_of(), STAKED, Terms(), NOW_MS, (no_islands,)) is None


def test_only_a_later_sequence_is_newer() -> None:
    assert is_newer(1, None) and is_newer(2, 1)
    assert not is_newer(1, 1) and not is_newer(1, 2)


def test_silence_counts_from_when_the_pulse_was_heard_without_a_gap() -> None:
    pulse = Pulse()
    assert pulse.silent_since(NOW_MS, 5_000) is None
    for second in range(6):
        pulse.beat(NOW_MS + second * 1_000)
    assert pulse.silent_since(NOW_MS + 4_999, 5_000) is None
    assert pulse.silent_since(NOW_MS + 5_000, 5_000) == NOW_MS
    assert pulse.silent_since(NOW_MS + HOUR_MS, 5_000) is None
    pulse.beat(NOW_MS + HOUR_MS)
    assert pulse.silent_since(NOW_MS + HOUR_MS + 1_000, 5_000) is None


def test_most_silent_at_once_is_the_path() -> None:
    assert is_bulk(3, 5) and is_bulk(4, 4)
    assert not is_bulk(2, 2) and not is_bulk(3, 6)
