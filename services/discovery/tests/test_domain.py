"""What admits an offer and what a record is worth: bounds and orders that hold for every value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.discovery.tests.samples import GIB, HOUR_MS, NOW_MS, SLOT_STAKE, offer_of

from assay.discovery.checks import admit
from assay.discovery.checks.expiry import LIFE_MS_MAX
from assay.discovery.domain import (
    REPUTATION_NEWCOMER,
    Objection,
    Pulse,
    Standing,
    Terms,
    is_bulk,
    is_newer,
    required_stake,
)
from assay.schema.offer import Offer
from assay.schema.values import Capacity

COUNTS = st.integers(0, 10_000)
STAKED = Standing(stake=SLOT_STAKE)


@given(COUNTS, COUNTS)
def test_reputation_is_a_share_that_good_leases_raise_and_bad_ones_lower(verified: int, rejected: int) -> None:
    now = Standing(0, verified, rejected).reputation
    assert 0 <= now <= 1_000_000
    assert Standing(0, verified + 1, rejected).reputation >= now >= Standing(0, verified, rejected + 1).reputation


def test_a_newcomer_is_worth_half_and_one_lie_costs_it_most_of_that() -> None:
    assert Standing().reputation == REPUTATION_NEWCOMER
    assert Standing(rejected=1).reputation < REPUTATION_NEWCOMER // 2


@given(st.integers(1, 4_095), st.integers(0, 1_024))
def test_the_required_stake_grows_with_slots_and_memory(slots: int, memory_gib: int) -> None:
    offer = offer_of(capacity=Capacity(slots=slots, memory_bytes=memory_gib * GIB))
    more = offer_of(capacity=Capacity(slots=slots + 1, memory_bytes=memory_gib * GIB))
    larger = offer_of(capacity=Capacity(slots=slots, memory_bytes=(memory_gib + 65) * GIB))
    assert slots * SLOT_STAKE <= required_stake(offer) < required_stake(more)
    assert required_stake(offer) < required_stake(larger)


def code_of(objection: Objection | None) -> str | None:
    return objection.code if objection else None


@pytest.mark.parametrize(
    ("changes", "standing", "code"),
    [
        ({}, STAKED, None),
        ({"expires_ms": NOW_MS}, STAKED, "offer.expired"),
        ({"expires_ms": NOW_MS + LIFE_MS_MAX + 1}, STAKED, "offer.overlong"),
        ({"kinds": ("noop", "mining")}, STAKED, "offer.unknown_kind"),
        ({"slots": 2}, STAKED, "offer.understaked"),
        ({}, Standing(), "offer.understaked"),
        ({}, Standing(SLOT_STAKE, 0, 3), "offer.distrusted"),
        ({}, Standing(SLOT_STAKE, 100, 3), None),
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
