"""Challenges: when a block calls, what an answer is worth, which rows are drawn."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.proof.challenge import (
    DRAWN,
    STEPS_PER_UNIT,
    WAY_MS,
    WIDTH,
    Place,
    calls,
    draw,
    false_rows,
    first_row,
    matrix,
    seed_of,
    spent_ms,
    units_per_s,
)
from assay.schema.challenge import Part

HASH, NONCE = "ab" * 32, "cd" * 32
hashes = st.binary(min_size=32, max_size=32)
parts = st.lists(st.builds(Part, rounds=st.integers(1, 99), marks=st.integers(64, 300).map("f00d".__mul__)), min_size=1)


def test_one_block_in_so_many_calls_and_none_if_nobody_is_to_be_challenged() -> None:
    blocks = [number.to_bytes(32, "big") for number in range(20_000)]
    assert abs(sum(calls(block, 25) for block in blocks) - 800) < 120
    assert all(calls(block, 1) for block in blocks[:99])
    assert not any(calls(block, 0) for block in blocks[:99])


def test_a_seed_is_of_one_moment_one_provider_and_one_part() -> None:
    seeds = {
        seed_of(HASH, NONCE, "p" + "a" * 32, 0),
        seed_of(NONCE, NONCE, "p" + "a" * 32, 0),
        seed_of(HASH, HASH, "p" + "a" * 32, 0),
        seed_of(HASH, NONCE, "p" + "b" * 32, 0),
        seed_of(HASH, NONCE, "p" + "a" * 32, 1),
    }
    assert len(seeds) == 5


def test_the_numbers_of_a_row_are_its_own_wherever_they_are_read() -> None:
    assert len(matrix(b"s")) == WIDTH**2
    assert len({first_row(b"s", row) for row in range(64)}) == 64
    assert first_row(b"s", 3) == first_row(b"s", 3) != first_row(b"t", 3)


def test_no_sum_leaves_what_float32_holds_exactly() -> None:
    assert 128 * 128 * WIDTH <= 2**24


@given(parts, hashes, st.text("abc", min_size=1))
def test_a_block_draws_places_of_the_answer_each_once(found: list[Part], block: bytes, name: str) -> None:
    places = draw(found, block, name)
    assert len(places) == len(set(places)) == DRAWN
    assert all(place.row < found[place.part].rows for place in places)
    assert places == draw(found, block, name)


def test_every_row_is_as_likely_to_be_drawn() -> None:
    answer = [Part(rounds=1, marks="f00d" * 64), Part(rounds=1, marks="f00d" * 192)]
    drawn = Counter(place for number in range(2_000) for place in draw(answer, number.to_bytes(32, "big"), "h"))
    assert len(drawn) == 256
    assert 2_000 * DRAWN / 256 / 2 < min(drawn.values()) <= max(drawn.values()) < 2 * 2_000 * DRAWN / 256


@given(st.integers(0, 10**6), st.integers(50, 60_000), st.integers(0, 10**6))
def test_waiting_for_the_last_moment_gains_the_way_at_most(called: int, window: int, late: int) -> None:
    counted = spent_ms(window, called, called + late)
    assert counted >= window and counted >= late - WAY_MS
    assert counted == window or counted == late - WAY_MS


@given(parts, st.integers(50, 10_000), st.integers(50, 10_000))
def test_parts_add_up_and_more_time_is_less_speed(found: list[Part], spent: int, longer: int) -> None:
    steps = sum(part.rows * part.rounds for part in found)
    assert units_per_s(found, spent) == steps * 1_000 // (STEPS_PER_UNIT * spent)
    assert units_per_s(found, spent + longer) <= units_per_s(found, spent)


def test_a_row_is_false_if_its_mark_is_not_the_one_that_it_has() -> None:
    answer = [Part(rounds=1, marks="f00d" * 64), Part(rounds=1, marks="f00d" * 63 + "beef")]
    right, wrong, last = Place(0, 1), Place(0, 2), Place(1, 63)
    (found,) = false_rows(answer, {right: "f00d", wrong: "0000", last: "beef"})
    assert (found.part, found.row, found.claimed, found.found) == (0, 2, "f00d", "0000")


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_an_answer_of_which_a_share_is_made_up_has_two_false_rows_drawn_as_often_as_chance_says(share: float) -> None:
    rows = 512
    answer = [Part(rounds=1, marks="f00d" * rows)]
    made_up = int(rows * share)
    found = [sum(p.row < made_up for p in draw(answer, n.to_bytes(32, "big"), "h")) >= 2 for n in range(1_000)]
    honest = 1 - share
    expected = 1 - honest**DRAWN - DRAWN * share * honest ** (DRAWN - 1)
    assert abs(sum(found) / 1_000 - expected) < 0.05
