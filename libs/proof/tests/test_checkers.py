"""How many verifiers must be able to check a job: nobody chooses its judges by what an order demands."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.proof.policy import checkers_needed


def test_half_of_all_must_be_able_and_three_and_all_where_there_are_fewer() -> None:
    assert [checkers_needed(there) for there in (0, 1, 2, 3, 4, 6, 7, 99)] == [0, 1, 2, 3, 3, 3, 4, 50]


@pytest.mark.parametrize(("friends", "of_all", "of_half"), [(5, 0.6, 2.3), (10, 2.6, 9.8), (20, 10.1, 34.9)])
def test_friends_judge_so_often_where_all_are_drawn_from_and_where_half_are(
    friends: int, of_all: float, of_half: float
) -> None:
    for there, percent in ((100, of_all), (checkers_needed(100), of_half)):
        ways = sum(comb(friends, n) * comb(there - friends, 3 - n) for n in (2, 3))
        assert round(100 * ways / comb(there, 3), 1) == percent


@given(st.integers(1, 10_000), st.data())
def test_whatever_an_order_demands_nobodys_share_of_who_is_drawn_more_than_doubles(
    there: int, data: st.DataObject
) -> None:
    own = data.draw(st.integers(1, there))
    able = data.draw(st.integers(checkers_needed(there), there))
    assert min(own, able) / able <= 2 * own / there
