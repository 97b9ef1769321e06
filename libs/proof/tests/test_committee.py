"""A committee's count: most of it beyond the bound, most of it within honest noise, or nobody is to blame."""

from itertools import combinations_with_replacement
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.proof.committee import (
    BETWEEN,
    BEYOND_MILLI,
    LEAST,
    NOISE_MAX,
    SIZE,
    WITHIN_MILLI,
    count,
    group_of_noise,
    look_seed,
    sitting_seed,
)
from assay.proof.recount import CLAIM
from assay.schema.dispute import DisputeOutcome

FALSE, TRUE, TIE = DisputeOutcome.WORKER_FAULT, DisputeOutcome.CHALLENGER_FAULT, DisputeOutcome.NUMERIC_TIE
SIDES = {"w": WITHIN_MILLI, "x": WITHIN_MILLI + 1, "b": BEYOND_MILLI, "f": BEYOND_MILLI + 1}
MEASURED = st.lists(st.integers(0, NOISE_MAX), max_size=2 * SIZE)


@pytest.mark.parametrize(
    ("sides", "outcome"),
    [
        ("fffww", FALSE),
        ("wwwff", TRUE),
        ("ffxww", TIE),
        ("bbbbb", TIE),
        ("fff", FALSE),
        ("www", TRUE),
        ("ff", TIE),
        ("ww", TIE),
        ("ffww", TIE),
        ("fffx", FALSE),
        ("fffwwwwwww", TRUE),
        ("fffffwwwww", TIE),
        ("ffffffwwww", FALSE),
        ("", TIE),
    ],
)
def test_three_of_five_decide_and_six_of_ten(sides: str, outcome: DisputeOutcome) -> None:
    assert count([SIDES[side] for side in sides]) is outcome


@given(MEASURED)
def test_nobody_is_found_wrong_by_fewer_than_three_or_by_half(milli: list[int]) -> None:
    found = count(milli)
    beyond, within = (sum(wrong(each) for each in milli) for wrong in (BEYOND_MILLI.__lt__, WITHIN_MILLI.__ge__))
    for outcome, votes in ((FALSE, beyond), (TRUE, within)):
        assert (found is outcome) == (votes >= LEAST and 2 * votes > len(milli))


@given(st.lists(st.integers(0, NOISE_MAX), min_size=SIZE, max_size=SIZE))
def test_of_five_the_count_is_what_their_median_says(milli: list[int]) -> None:
    median = sorted(milli)[SIZE // 2]
    assert count(milli) is (FALSE if median > BEYOND_MILLI else TRUE if median <= WITHIN_MILLI else TIE)


def chance(friends: int, drawn: int, least: int) -> float:
    """That of a hundred verifiers, so many of whom are friends, at least so many friends are drawn."""
    ways = sum(comb(friends, n) * comb(100 - friends, drawn - n) for n in range(least, drawn + 1))
    return ways / comb(100, drawn)


@pytest.mark.parametrize(
    ("friends", "tie_percent", "uncaught_percent"),
    [(5, 0.1, 5.2), (10, 0.7, 10.8), (20, 5.3, 23.1), (30, 15.8, 36.3), (33, 20.0, 40.3)],
)
def test_friends_are_rarer_in_most_of_a_committee_than_where_they_hide_a_cheat(
    friends: int, tie_percent: float, uncaught_percent: float
) -> None:
    beyond, between = BEYOND_MILLI + 1, WITHIN_MILLI + 1
    found = [count([between] * number + [beyond] * (SIZE - number)) for number in range(SIZE + 1)]
    assert found == [FALSE] * LEAST + [TIE] * (SIZE + 1 - LEAST)
    assert round(100 * chance(friends, SIZE, LEAST), 1) == tie_percent
    first, both = friends / 100, friends * (friends - 1) / (99 * 98)
    assert round(100 * (first + (1 - first) * both), 1) == uncaught_percent


@given(MEASURED, st.randoms(use_true_random=False))
def test_the_order_of_members_decides_nothing(milli: list[int], random: object) -> None:
    shuffled = list(milli)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert count(shuffled) is count(milli)


def test_one_member_turns_one_fault_into_the_other_only_where_all_others_stand_even() -> None:
    for size in range(2 * SIZE):
        for others in combinations_with_replacement(SIDES, size):
            turned = {count([SIDES[side] for side in (*others, own)]) for own in SIDES}
            even = others.count("w") == others.count("f") >= LEAST - 1 and size == 2 * others.count("w")
            assert (turned >= {FALSE, TRUE}) == even, others


@given(MEASURED, st.integers(0, 2 * SIZE - 1), st.integers(WITHIN_MILLI + 1, BEYOND_MILLI))
def test_one_member_who_says_what_proves_nothing_never_turns_one_fault_into_the_other(
    milli: list[int], at: int, other: int
) -> None:
    if at < len(milli):
        turned = {count(milli), count([*milli[:at], other, *milli[at + 1 :]])}
        assert not turned >= {FALSE, TRUE}


@given(st.integers(0, NOISE_MAX), st.integers(1, 2**30))
def test_a_measurement_is_of_one_of_three_groups(milli: int, beyond: int) -> None:
    group = group_of_noise(milli, beyond)
    outcome = count([milli] * LEAST)
    assert group == {FALSE: beyond, TRUE: CLAIM, TIE: BETWEEN}[outcome]


def test_each_member_looks_by_a_seed_of_its_own_that_follows_from_the_block() -> None:
    block, seed, question = "1" * 64, "2" * 64, "q" + "a" * 26
    sitting = sitting_seed(block, seed, question)
    others = {sitting_seed(seed, block, question), sitting_seed(block, seed, "q"), sitting}
    looks = {look_seed(each, verifier) for each in others for verifier in ("va", "vb")}
    assert len(looks | others) == 9
