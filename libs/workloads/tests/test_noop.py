"""The chain that costs nothing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.workloads import BadCheckpoint, BadParams, HeldInputs, ModelStore, Progress, ignore_progress
from assay.workloads.noop import Noop, NoopParams

NOOP = Noop()
INPUTS = HeldInputs(ModelStore.__new__(ModelStore))


def run_chain(params: NoopParams, state: bytes, segments: range) -> list[bytes]:
    states = [state]
    for index in segments:
        states.append(NOOP.run(params, INPUTS, states[-1], index, ignore_progress).state)
    return states


@given(st.integers(1, 30), st.text(max_size=20), st.data())
def test_a_chain_resumed_anywhere_ends_where_the_whole_one_ends(
    segments: int, payload: str, data: st.DataObject
) -> None:
    params = NoopParams(segments=segments, payload=payload)
    whole = run_chain(params, NOOP.start(params, INPUTS), range(segments))
    place = data.draw(st.integers(0, segments))
    assert run_chain(params, whole[place], range(place, segments))[-1] == whole[-1]
    assert len(set(whole)) == segments + 1


def test_the_chain_depends_on_the_payload_and_the_place() -> None:
    params = NoopParams(segments=3, payload="a")
    state = NOOP.start(params, INPUTS)
    assert state != NOOP.start(NoopParams(segments=3, payload="b"), INPUTS)
    ends = {NOOP.run(params, INPUTS, state, index, ignore_progress).state for index in range(3)}
    assert len(ends) == 3


def test_a_segment_tells_its_progress_and_its_cost() -> None:
    params, told = NoopParams(segments=2, units_per_segment=9), list[Progress]()
    closed = NOOP.run(params, INPUTS, NOOP.start(params, INPUTS), 0, told.append)
    assert closed.units == 9 and NOOP.plan(params) == [9, 9]
    assert closed.state_digest == NOOP.digest(closed.state)
    assert told == [Progress(1, 1, {})]


def test_only_the_same_link_is_near() -> None:
    assert NOOP.distance(bytes(32), bytes(32), bytes(32)) == 0
    assert NOOP.distance(bytes(32), bytes(31) + b"\1", bytes(32)) == math.inf


def test_a_link_of_another_length_is_refused() -> None:
    params = NoopParams(segments=1)
    for refused in (lambda: NOOP.digest(b""), lambda: NOOP.run(params, INPUTS, b"x" * 33, 0, ignore_progress)):
        with pytest.raises(BadCheckpoint, match="32 bytes"):
            refused()


@pytest.mark.parametrize("index", [-1, 2])
def test_a_segment_outside_the_job_is_refused(index: int) -> None:
    with pytest.raises(BadParams, match="not in a job of 2 segments"):
        NOOP.run(NoopParams(segments=2), INPUTS, bytes(32), index, ignore_progress)
