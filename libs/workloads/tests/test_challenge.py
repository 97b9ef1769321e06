"""A challenge computed: the same bytes on all that multiplies, and rows of it again at a share of the cost."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.proof.challenge import WIDTH, matrix
from assay.schema.challenge import ROWS_MAX
from assay.workloads import challenge
from assay.workloads.child import run_task
from assay.workloads.pace import Pace
from assay.workloads.task import Finished, Measure, Measured, Recompute, Said

SEED = b"s" * 32


def ticks(each_s: float) -> Callable[[], float]:
    """A clock that goes on by so much each time it is read."""
    count = itertools.count()
    return lambda: next(count) * each_s


def test_rows_come_to_what_whole_numbers_come_to() -> None:
    rounds, marks = challenge.measure(SEED, 4, 10, ticks(0.004))
    square = np.frombuffer(matrix(SEED), np.int8).reshape(WIDTH, WIDTH).astype(np.int64)
    rows = challenge.first_rows(SEED, range(4)).astype(np.int64)
    for _ in range(rounds):
        rows = (((rows @ square) >> 8) + 128) % 256 - 128
    assert rounds == 3
    assert marks == challenge.marks_of(rows.astype(np.int8))


def test_what_is_made_before_the_first_round_takes_nothing_of_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    time_s, make = [0.0], challenge._square

    def slowly(seed: bytes) -> NDArray[np.float32]:
        time_s[0] += 60.0
        return make(seed)

    def now() -> float:
        time_s[0] += 0.004
        return time_s[0]

    monkeypatch.setattr(challenge, "_square", slowly)
    assert challenge.measure(SEED, 4, 10, now)[0] == challenge.measure(SEED, 4, 10, ticks(0.004))[0] == 3


def test_a_few_rows_come_to_the_same_without_the_others() -> None:
    rounds, marks = challenge.measure(SEED, 64, 10, ticks(0.002))
    assert challenge.recompute(SEED, [0, 17, 63], rounds) == [marks[0], marks[17], marks[63]]
    assert challenge.recompute(SEED, [17], rounds + 1) != [marks[17]]


def test_the_way_of_a_gpu_comes_to_the_same_bytes() -> None:
    pytest.importorskip("torch")
    first = challenge.first_rows(SEED, range(32))
    done, after = challenge._on_gpu(SEED, first, lambda done: done < 5, "cpu")
    assert challenge.marks_of(after) == challenge.recompute(SEED, range(32), done)


def test_at_least_a_round_is_done_and_no_more_than_are_asked_for() -> None:
    assert challenge.measure(SEED, 1, 1, ticks(1.0))[0] == 1
    assert challenge._on_cpu(SEED, challenge.first_rows(SEED, [0]), lambda done: done < 2)[0] == 2


@pytest.mark.parametrize("parts", [1, 2, 16, 64])
def test_the_rows_of_all_parts_fit_one_answer(parts: int) -> None:
    assert challenge.rows_for(parts) >= 64 and parts * challenge.rows_for(parts) <= ROWS_MAX


def test_a_child_says_how_far_it_came_and_what_rows_come_to() -> None:
    said: list[Said] = []
    run_task(Measure(seed=SEED.hex(), rows=64, window_ms=20), said.append, Pace())
    measured, finished = said
    assert isinstance(measured, Measured) and isinstance(finished, Finished) and len(measured.marks) == 64
    run_task(Recompute(seed=SEED.hex(), rows=[5], rounds=measured.rounds), said.append, Pace())
    again = said[2]
    assert isinstance(again, Measured) and again.marks == [measured.marks[5]]
