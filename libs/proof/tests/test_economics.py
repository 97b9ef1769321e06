"""The arithmetic of audits: exact against counting, bounds against grids, the draw itself against the formula."""

import random
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.proof.economics import (
    MILLION,
    draws_among,
    draws_for,
    draws_to_deter,
    found_among,
    gain,
    gain_bound,
    ground_gain,
    stake_to_deter,
)
from assay.proof.sampling import detection, draw

ppm = st.integers(0, MILLION)
money = st.integers(1, 10**24)


@given(st.integers(1, 40), st.data())
def test_the_chance_to_find_is_that_of_counting_all_draws(segments: int, data: st.DataObject) -> None:
    false, k = data.draw(st.integers(0, segments)), data.draw(st.integers(0, segments))
    assert found_among(segments, false, k) == pytest.approx(1 - comb(segments - false, k) / comb(segments, k), abs=1e-9)


@given(st.integers(1, 300), st.data())
def test_the_formula_never_promises_more_than_equal_segments_give(segments: int, data: st.DataObject) -> None:
    false, k = data.draw(st.integers(0, segments)), data.draw(st.integers(0, segments))
    missed = data.draw(st.floats(0, 1))
    assert detection(false / segments, k, missed) <= found_among(segments, false, k, missed) + 1e-9


@pytest.mark.parametrize(
    ("falsified", "at_50", "at_90", "at_99"),
    [(0.5, 1, 4, 7), (0.2, 4, 11, 21), (0.1, 7, 22, 44), (0.05, 14, 45, 90), (0.01, 69, 230, 459)],
)
def test_the_draws_that_find_a_share(falsified: float, at_50: int, at_90: int, at_99: int) -> None:
    assert [draws_for(falsified, each) for each in (0.5, 0.9, 0.99)] == [at_50, at_90, at_99]


@given(st.integers(1, 5000), st.integers(1, MILLION), st.integers(1, 999_999), st.integers(0, 500_000))
def test_no_fewer_draws_would_do(segments: int, falsified: int, wanted: int, missed: int) -> None:
    k = draws_among(segments, falsified, wanted, missed)
    false = max(1, -(-segments * falsified // MILLION))
    assert 1 <= k <= segments
    if k < segments:
        assert found_among(segments, false, k, missed / MILLION) >= wanted / MILLION
    if k > 1:
        assert found_among(segments, false, k - 1, missed / MILLION) < wanted / MILLION


@given(st.integers(1, 2000), st.integers(1, 300), money, money, ppm, st.integers(0, 900_000), st.integers(1, 4))
def test_no_share_between_earns_more_than_the_ends(
    segments: int, k: int, pay: int, stake: int, saved: int, missed: int, margin: int
) -> None:
    terms = (k, pay, stake, saved, missed, margin)
    bound = gain_bound(segments, k, pay, stake, saved, missed, margin)
    slack = (pay + stake) // 10**8 + 2  # a chance is rounded down to a billionth
    shares = [max(1, MILLION * false // segments) for false in range(1, segments + 1, max(1, segments // 50))]
    assert all(gain(share, *terms) <= bound + slack for share in shares)


@given(money, ppm, st.integers(0, 900_000), st.integers(1, 4), st.integers(1, 200))
def test_the_stake_that_deters_is_the_least_that_does(pay: int, saved: int, missed: int, margin: int, k: int) -> None:
    stake = stake_to_deter(k, pay, saved, missed, margin)
    assert gain(MILLION, k, pay, stake, saved, missed, margin) <= 0
    if stake:
        assert gain(MILLION, k, pay, stake - 1, saved, missed, margin) > 0


def test_held_pay_alone_deters_and_a_margin_takes_a_stake() -> None:
    assert draws_to_deter(100, 0, MILLION, 0, margin=1) == 1
    assert draws_to_deter(100, 0, MILLION, 0, margin=3) is None
    assert draws_to_deter(100, 200, MILLION, 0, margin=3) == 1
    assert draws_to_deter(100, 210, MILLION, 100_000, margin=3) == 2
    assert stake_to_deter(1, 100, MILLION, 0, margin=3) == 200


def test_choosing_among_draws_is_worth_something_only_beyond_two() -> None:
    def gains(draws: int) -> float:
        return ground_gain(20_000, 90, 10**12, 2 * 10**12, MILLION, draws) / 10**12

    assert gains(1) < gains(2) < 0 < gains(3) < 0.0005 < gains(16) < 0.02 < gains(1 << 10)


def test_the_draw_finds_what_the_formula_says() -> None:
    segments, k, turns = 100, 10, 1_000
    chance, shares = random.Random(7), (0.05, 0.1, 0.2)
    found = dict.fromkeys(shares, 0)
    for turn in range(turns):
        first = min(
            chance.sample(range(segments), segments)[place] for place in draw(f"{turn:064x}", [9] * segments, k)
        )
        for share in shares:
            found[share] += first < share * segments
    for share in shares:
        assert abs(found[share] / turns - found_among(segments, round(share * segments), k)) < 0.04


def test_uneven_costs_are_found_no_less_often() -> None:
    costs = [1 + place**2 % 97 for place in range(300)]
    false = {place for place in range(300) if place % 10 == 0}
    share = sum(costs[place] for place in false) / sum(costs)
    found = sum(bool(false & set(draw(f"{turn:064x}", costs, 12))) for turn in range(800)) / 800
    assert found > detection(share, 12) - 0.04
