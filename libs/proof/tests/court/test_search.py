"""The search ends at the first difference, in as few rounds as sixteen parts allow."""

from hypothesis import given
from hypothesis import strategies as st

from assay.proof.court.search import ARITY, Interval, places_of, rounds_of


def rounds_to(first, length, grain):
    """How many rounds a search for the first difference takes; asserts that it is found."""
    interval, rounds = Interval(0, length, b"", b""), 0
    while interval.width > 1:
        places = places_of(interval, grain)
        assert 0 < len(places) < ARITY and interval.low < places[0] and places[-1] < interval.high
        index = sum(place < first for place in places)
        interval, rounds = interval.narrow(places, [b""] * len(places), index), rounds + 1
    assert interval.high == first
    return rounds


@given(length=st.integers(1, 10**6), grain=st.integers(1, 2000), data=st.data())
def test_any_difference_is_found_within_the_bound_whatever_the_segments(length, grain, data):
    first = data.draw(st.integers(1, length))
    assert rounds_to(first, length, grain) <= rounds_of(length)


def test_ten_thousand_steps_of_five_hundred_operators_take_seven_rounds():
    assert rounds_of(10_000) + rounds_of(501) == 7
    assert [rounds_of(width) for width in (1, 2, 16, 17, 256, 257, 65_536)] == [0, 1, 1, 2, 2, 3, 4]


def test_the_first_places_are_ends_of_segments_where_that_costs_nothing():
    assert all(place % 100 == 0 for place in places_of(Interval(0, 10_000, b"", b""), 100))
