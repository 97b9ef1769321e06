"""What a service makes of a life of which it sees only a part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.runtime.view import Place, View
from assay.schema import JOB_LIFE, LEASE_LIFE, JobState, LeaseState
from assay.schema.errors import IllegalTransition
from assay.schema.job import JobExecuted, JobFunded, JobMatched, JobSubmitted, JobVerified
from assay.schema.lease import LeaseCommitted, LeaseExecuted, LeaseGranted, LeaseLapsed, LeaseStarted, LeaseVerified
from assay.schema.life import Life

ALL_JOB = frozenset(move.event for move in JOB_LIFE.moves)
ALL_LEASE = frozenset(move.event for move in LEASE_LIFE.moves)
AUDITOR = frozenset({LeaseGranted, LeaseCommitted, LeaseVerified})


@pytest.mark.parametrize(
    ("state", "event", "place"),
    [
        (None, JobSubmitted, Place.NEXT),
        (None, JobFunded, Place.AHEAD),
        (JobState.MATCHED, JobFunded, Place.BEHIND),
        (JobState.FUNDED, JobFunded, Place.BEHIND),
        (JobState.RUNNING, JobMatched, Place.AHEAD),
        (JobState.FUNDED, JobExecuted, Place.AHEAD),
        (JobState.SETTLED, JobVerified, Place.BEHIND),
    ],
)
def test_who_sees_everything_knows_what_is_ahead_and_what_behind(state: JobState, event: type, place: Place) -> None:
    assert View(JOB_LIFE, ALL_JOB).place(state, event) is place


@pytest.mark.parametrize(
    ("state", "event", "place"),
    [
        (None, LeaseCommitted, Place.AHEAD),
        (LeaseState.GRANTED, LeaseCommitted, Place.NEXT),
        (LeaseState.RUNNING, LeaseVerified, Place.NEXT),
        (None, LeaseVerified, Place.AHEAD),
        (LeaseState.VERIFIED, LeaseCommitted, Place.BEHIND),
    ],
)
def test_moves_out_of_sight_are_granted(state: LeaseState, event: type, place: Place) -> None:
    assert View(LEASE_LIFE, AUDITOR).place(state, event) is place


def test_the_later_of_two_ends_has_the_last_word() -> None:
    assert View(LEASE_LIFE, ALL_LEASE).place(LeaseState.EXECUTED, LeaseLapsed) is Place.NEXT
    assert View(LEASE_LIFE, ALL_LEASE).place(LeaseState.LAPSED, LeaseExecuted) is Place.NEXT


def test_nothing_is_said_twice() -> None:
    view = View(LEASE_LIFE, AUDITOR)
    assert view.advance(LeaseState.RUNNING, LeaseVerified) is LeaseState.VERIFIED
    with pytest.raises(IllegalTransition):
        view.advance(LeaseState.VERIFIED, LeaseVerified)
    with pytest.raises(IllegalTransition):
        view.advance(None, LeaseStarted)


@given(st.sampled_from([JOB_LIFE, LEASE_LIFE]), st.data())
def test_a_life_heard_in_its_order_is_always_next_whatever_part_of_it_is_seen(life: Life, data: st.DataObject) -> None:
    seen = frozenset(data.draw(st.sets(st.sampled_from([move.event for move in life.moves]))))
    view = View(life, seen)
    real, known = None, None
    for _ in range(data.draw(st.integers(0, 12))):
        moves = [move for move in life.moves if real in move.sources or (real is None and not move.sources)]
        if not moves:
            break
        move = data.draw(st.sampled_from(moves))
        real = move.target
        if move.event in seen:
            assert view.place(known, move.event) is Place.NEXT
            known = view.advance(known, move.event)
            assert known == real


@given(st.sampled_from([JOB_LIFE, LEASE_LIFE]), st.data())
def test_who_sees_everything_says_only_what_the_table_allows(life: Life, data: st.DataObject) -> None:
    view = View(life, frozenset(move.event for move in life.moves))
    state = data.draw(st.sampled_from([None, *life.ends(), *(move.target for move in life.moves)]))
    event = data.draw(st.sampled_from([move.event for move in life.moves]))
    try:
        allowed = life.advance(state, event)
    except IllegalTransition:
        with pytest.raises(IllegalTransition):
            view.advance(state, event)
    else:
        assert view.advance(state, event) is allowed
