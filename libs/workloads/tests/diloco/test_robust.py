"""Rules that bear hostile results, whatever these are, and scores that tell who contributed."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from assay.workloads.diloco.robust import RULES, aggregate, leaving, ordered
from assay.workloads.diloco.scores import gains, scores_ppm
from assay.workloads.diloco.sums import PIECE, dot, tree_sum

SIZE = 40
HOSTILE = arrays(np.float32, SIZE, elements=st.floats(-1e4, 1e4, width=32))


def honest(seed: int, count: int) -> list[Any]:
    """Results that go one way, each with noise of its own."""
    random = np.random.default_rng(seed)
    way = random.normal(size=SIZE)
    return [(way + 0.1 * random.normal(size=SIZE)).astype(np.float32) for _ in range(count)]


def mixed(good: list[Any], bad: list[Any], seed: int) -> list[Any]:
    """All of them in an order that is drawn."""
    results = [*good, *bad]
    return [results[place] for place in np.random.default_rng(seed).permutation(len(results))]


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.lists(HOSTILE, min_size=1, max_size=3), st.sampled_from(["trimmed", "median"]))
def test_no_coordinate_leaves_the_honest_ones(seed: int, bad: list[Any], rule: str) -> None:
    good = honest(seed, len(bad) + 1)
    found = aggregate(mixed(good, bad, seed), rule, hostile=len(bad))
    slack = 1e-6 * np.abs(good).max()
    assert (found >= np.min(good, axis=0) - slack).all() and (found <= np.max(good, axis=0) + slack).all()


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.lists(HOSTILE, min_size=1, max_size=2))
def test_krum_takes_a_result_that_is_near_to_honest_ones(seed: int, bad: list[Any]) -> None:
    good = honest(seed, len(bad) + 3)
    found = aggregate(mixed(good, bad, seed), "krum", hostile=len(bad))
    spread = max(float(np.square(one - other).sum()) for one in good for other in good)
    # Its nearest others include an honest one, and all of them together are no further than those of an honest one.
    nearest = min(float(np.square(found - each).sum()) for each in good)
    assert nearest <= spread * (len(good) - 1)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), HOSTILE)
def test_a_bounded_mean_moves_no_further_than_a_liar_may_be_long(seed: int, bad: Any) -> None:
    good = honest(seed, 4)
    moved = aggregate([*good, bad], "mean", clip=1.0) - aggregate(good, "mean", clip=1.0)
    longest = max(float(np.linalg.norm(each)) for each in good)
    assert float(np.linalg.norm(moved)) <= 2 * longest / 5 * 1.001


def test_a_plain_mean_is_decided_by_one_liar() -> None:
    good = honest(3, 4)
    liar = (-100 * np.mean(good, axis=0)).astype(np.float32)
    assert scores_ppm([aggregate([*good, liar], "mean"), good[0]], "mean", 0, None)[0] < 0
    assert scores_ppm([aggregate([*good, liar], "mean", clip=1.0), good[0]], "mean", 0, None)[0] > 0


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_however_few_are_left_there_is_an_outcome(rule: str, count: int) -> None:
    good = honest(5, count)
    found = aggregate(good, rule, hostile=2)
    assert found.dtype == np.float32 and np.abs(found - good[0]).max() < 1


def several(seed: int, count: int, size: int) -> list[Any]:
    """Results of very different lengths, with values that several of them have."""
    random = np.random.default_rng(seed)
    sizes = random.choice([1.0, 3.0, 40.0], size=count)
    return [(np.round(random.normal(size=size)) * each + 0.0).astype(np.float32) for each in sizes]


@pytest.mark.parametrize("clip", [None, 1.0, 1.5])
@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(2, 7), st.integers(0, 2))
def test_what_others_come_to_without_one_is_what_they_come_to_alone_to_the_last_bit(
    rule: str, clip: float | None, seed: int, count: int, hostile: int
) -> None:
    results = several(seed, count, SIZE)
    found = leaving(results, rule, hostile, clip)(0)
    for place, without in enumerate(found):
        others = [*results[:place], *results[place + 1 :]]
        assert (without + 0).tobytes() == (aggregate(others, rule, hostile, clip) + 0).tobytes()


@pytest.mark.parametrize("rule", RULES)
def test_scores_of_many_pieces_are_those_of_the_whole(rule: str) -> None:
    size = 2 * PIECE + 3
    results = several(11, 4, size)
    ways = [aggregate([*results[:at], *results[at + 1 :]], rule, 1, 1.5) for at in range(4)]
    lengths = [
        dot(one, other) / (dot(one, one) * dot(other, other)) ** 0.5 for one, other in zip(results, ways, strict=True)
    ]
    assert scores_ppm(results, rule, 1, 1.5) == pytest.approx([1e6 * each for each in lengths], abs=1)


@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_exchanges_of_rows_put_each_coordinate_in_order(seed: int, count: int) -> None:
    rows = several(seed, count, SIZE)
    assert np.array(ordered(rows)).tobytes() == np.sort(np.array(rows) + np.float32(0), axis=0).tobytes()


def test_scores_tell_who_contributed() -> None:
    good = honest(7, 3)
    results = [*good, -good[0], np.zeros(SIZE, np.float32)]
    scores = scores_ppm(results, "median", 1, None)
    assert min(scores[:3]) > 500_000 and scores[3] < -500_000 and scores[4] == 0
    target = np.mean(good, axis=0)
    gained = gains(results, lambda way: float(np.square(way - target).sum()), "mean", 0)
    assert min(gained[:3]) > 0 > gained[3]


@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_a_sum_is_right_whatever_its_length(size: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    assert abs(float(tree_sum(values[None])[0]) - values.sum(dtype=np.float64)) < 1e-3
    assert abs(dot(values, values) - np.square(values, dtype=np.float64).sum()) < 1e-9 * size
