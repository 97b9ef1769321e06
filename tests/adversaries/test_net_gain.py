"""Whatever share a provider falsifies, and up to a third of the verifiers with it: after 1,000 jobs it has lost."""

import random

from bench.verification.games import (
    answers_falsely,
    falsifies,
    orders_from_itself,
    reads,
    sometimes,
    states_own_class,
    where_it_wins,
    withholds,
)
from bench.verification.market import DISPUTE, Verifiers
from bench.verification.net_gain import JOBS
from hypothesis import given, settings
from hypothesis import strategies as st

CHANCES = st.integers(0, 2**32).map(random.Random)


@settings(max_examples=8, deadline=None)
@given(st.floats(0.0025, 0.1), st.integers(0, 6), CHANCES)
def test_falsifying_never_pays(share: float, colluding: int, chance: random.Random) -> None:
    assert falsifies(share, Verifiers(20, colluding))(JOBS, chance).gain < 0


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 6), CHANCES)
def test_nor_as_an_identity_for_each_segment(colluding: int, chance: random.Random) -> None:
    assert falsifies(1.0, Verifiers(20, colluding), 1, 1)(JOBS // 10, chance).gain < 0


@settings(max_examples=8, deadline=None)
@given(st.floats(0.0025, 1.0), CHANCES)
def test_nor_does_withholding_what_would_be_found_false(share: float, chance: random.Random) -> None:
    assert withholds(share)(JOBS, chance).gain < 0


@settings(max_examples=4, deadline=None)
@given(st.floats(0.1, 1.0), CHANCES)
def test_lazy_answers_never_pay_and_harm_nobody(share: float, chance: random.Random) -> None:
    played = answers_falsely(Verifiers(20, 1), sometimes(share))(JOBS // 2, chance)
    assert (played.gain < 0, played.harmed) == (True, 0)


@settings(max_examples=3, deadline=None)
@given(st.booleans(), CHANCES)
def test_nobody_gains_by_reading_only_what_it_takes_for_planted(at_second: bool, chance: random.Random) -> None:
    assert reads(at_first=False, at_second=at_second)(JOBS, chance).gain < 0


@settings(max_examples=3, deadline=None)
@given(st.floats(0.02, 0.1), st.integers(0, 2**32))
def test_a_cheat_that_contests_loses_its_bond_besides(share: float, seed: int) -> None:
    given_in, contested = (
        falsifies(share, contests=contests)(JOBS // 5, random.Random(seed)).gain for contests in (False, True)
    )
    # Of two epochs; the first is found out for certain.
    assert given_in - contested in (DISPUTE, 2 * DISPUTE)


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**32))
def test_who_accuses_falsely_loses_its_bond_and_harms_nobody_once_the_provider_contests(seed: int) -> None:
    lies = (Verifiers(20, 2), sometimes(1.0))
    alone, contested = (
        answers_falsely(*lies, contests=contests)(JOBS // 5, random.Random(seed)) for contests in (False, True)
    )
    assert (contested.gain < alone.gain, contested.harmed) == (True, 0) and alone.harmed > 0


@settings(max_examples=4, deadline=None)
@given(st.integers(3, 10), CHANCES)
def test_judges_of_ones_own_class_are_too_few(colluding: int, chance: random.Random) -> None:
    assert states_own_class(colluding)(JOBS // 5, chance).gain < 0


@settings(max_examples=4, deadline=None)
@given(st.sampled_from(["", "home"]), CHANCES)
def test_nobody_sees_where_a_lie_would_win(network: str, chance: random.Random) -> None:
    assert answers_falsely(Verifiers(20, 2, network=network), where_it_wins)(JOBS, chance).gain < 0


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 20), st.sampled_from([(1, 2), (300, 300)]), CHANCES)
def test_orders_from_oneself_bring_the_fund_what_they_take(
    colluding: int, order: tuple[int, int], chance: random.Random
) -> None:
    assert orders_from_itself(colluding, *order)(max(JOBS // 20, order[0]), chance).gain <= 0
