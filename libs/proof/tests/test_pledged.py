"""What stake is worth against pay: never more than a slash takes, and the more there is, the less pay is uncovered."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.proof.economics import MILLION, found_among
from assay.proof.policy import TIERS, Reputation, Terms, Tier, Work, choose, pledged, tiers_of, worth_of
from assay.proof.policy.pledged import NATIVE_UNIT, PRICE_OF_STABLE, native_of, stable_of
from assay.schema.epoch import StakeBehind

DOLLAR = 10**18
PROVEN = Reputation(passed_epochs=8)
amounts = st.integers(0, 10**24)
stakes = st.builds(
    StakeBehind,
    block=st.just(7),
    own=amounts,
    backing=amounts,
    locked=amounts,
    rate_ppm=st.integers(0, MILLION),
    price=st.integers(0, 10**21),
)


def stake(**fields: Any) -> StakeBehind:
    plain: dict[str, Any] = {"block": 7, "own": 100, "backing": 0, "locked": 0, "rate_ppm": 500_000, "price": DOLLAR}
    return StakeBehind(**plain | fields)


@given(stakes)
def test_no_more_counts_than_the_rate_takes_of_what_is_there(held: StakeBehind) -> None:
    assert 0 <= pledged(held) * MILLION <= (held.own + held.backing) * held.rate_ppm
    assert worth_of(held) * PRICE_OF_STABLE * NATIVE_UNIT <= pledged(held) * held.price


@given(stakes, amounts, st.sampled_from(["own", "price"]))
def test_more_stake_or_a_higher_price_never_counts_less(held: StakeBehind, more: int, what: str) -> None:
    raised = held.model_copy(update={what: getattr(held, what) + more})
    assert worth_of(raised) >= worth_of(held)


@given(stakes, amounts)
def test_what_other_accusations_hold_never_adds(held: StakeBehind, more: int) -> None:
    assert worth_of(held.model_copy(update={"locked": held.locked + more})) <= worth_of(held)


def test_an_accusation_takes_its_part_of_own_stake_while_there_is_as_much_and_of_backing_half_of_what_is_left() -> None:
    alone = stake(own=100, backing=300)
    assert pledged(alone) == 50 + 150
    assert pledged(alone.model_copy(update={"locked": 20})) == 50 + (300 - 60) // 2
    assert pledged(alone.model_copy(update={"locked": 50})) == 50 + 150 // 2
    assert pledged(alone.model_copy(update={"locked": 80})) == 20 + 60 // 2
    assert pledged(alone.model_copy(update={"locked": 100})) == 0


def test_who_has_nothing_of_its_own_pledges_nothing_for_no_lock_tells_what_others_hold_of_backing() -> None:
    assert pledged(stake(own=0, backing=300)) == pledged(stake(own=0, backing=300, locked=1)) == 0


def test_without_a_price_stake_counts_as_none() -> None:
    assert worth_of(None) == worth_of(stake(own=10**24, price=0)) == 0
    assert worth_of(stake(own=10 * NATIVE_UNIT)) == 2_000_000, "of half of ten tokens at a dollar each two fifths"


def test_what_could_come_back_to_a_cheat_counts_not_and_nothing_of_backing_could() -> None:
    held = stake(own=10 * NATIVE_UNIT, backing=10 * NATIVE_UNIT)
    assert pledged(held) == 10 * NATIVE_UNIT and worth_of(held) == 2_000_000 + 5_000_000


@given(st.integers(0, 10**15), st.integers(1, 10**21))
def test_there_and_back_never_gains(stable: int, price: int) -> None:
    assert stable_of(native_of(stable, price), price) <= stable


epochs = st.builds(
    Terms, segments=st.integers(1, 3_000), pay=st.integers(1, 10**15), stake=st.just(0), work=st.just(Work.OTHER)
)


@settings(max_examples=60, deadline=None)
@given(epochs, st.integers(0, 10**16), st.integers(0, 10**16))
def test_more_stake_never_leaves_more_pay_uncovered(terms: Terms, some: int, more: int) -> None:
    tiers = tiers_of("", {})
    less, whole = (choose(replace(terms, stake=held), PROVEN, tiers=tiers) for held in (some, some + more))
    assert max(0, whole.gain_bound) <= max(0, less.gain_bound)
    assert whole.deters or not less.deters


@settings(max_examples=100, deadline=None)
@given(epochs, st.sampled_from(TIERS), st.one_of(st.integers(0, 10**16), st.integers(1_900_000, 2_200_000)))
def test_stake_decides_whether_a_plan_deters_and_never_how_many_are_drawn(terms: Terms, tier: Tier, held: int) -> None:
    """The smaller stakes lie around twice the pay, where the margin takes most draws."""
    terms = replace(terms, pay=10**6, work=min(tier.work), numerics=min(tier.numerics))
    plans = [choose(replace(terms, stake=some), PROVEN, tiers=[tier]) for some in (0, held, 10**8)]
    assert len({plan.chosen.k for plan in plans}) == 1
    assert [plans[0].deters, plans[2].deters] == [False, True]


@settings(max_examples=40, deadline=None)
@given(epochs, st.integers(0, 10**16), st.data())
def test_no_share_falsified_earns_anything_with_stake_or_without(terms: Terms, held: int, data: st.DataObject) -> None:
    """As exactly as the draw is: distinct segments out of equal ones, of which some are false."""
    false = data.draw(st.integers(1, terms.segments))
    for at_stake in (0, held):
        plan = choose(replace(terms, stake=at_stake), PROVEN, tiers=tiers_of("", {}))
        found = found_among(terms.segments, false, plan.chosen.k, plan.chosen.missed_ppm / MILLION)
        saved = terms.pay * false / terms.segments
        assert plan.gain_bound <= 0
        assert saved - found * (terms.pay + at_stake) <= 1e-9 * (terms.pay + at_stake)
