"""The lives of job, lease, epoch and audit: what the tables allow, whatever order chance brings."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.schema import JOB_LIFE, LEASE_LIFE, LIVES, JobState
from assay.schema.audit import AuditDeclined
from assay.schema.errors import IllegalTransition
from assay.schema.job import JobExecuted, JobFunded, JobSettled, JobStarted, JobSubmitted
from assay.schema.life import Life
from assay.schema.values import PARTICIPANTS

MONEY_ENDS = {"settled", "refunded", "unfunded", "paid", "slashed", "spared"}
# An audit that came to no answer, and one whose bond is lost.
AUDIT_ENDS = {"declined", "lapsed", "overruled"}
DISPUTE_ENDS = {"ruled"}
# A share of the beacon that did not come; one that did has nothing more to wait for.
BEACON_ENDS = {"withheld"}
# A challenge that showed what a machine does, or nothing.
CHALLENGE_ENDS = {"measured", "missed"}
# Nobody is paid for a spare.
SPARE_ENDS = {"ended"}
lives = st.sampled_from(list(LIVES.values()))


@given(lives, st.data())
def test_a_random_walk_meets_only_known_states_and_can_always_reach_an_end(
    life: Life[Any], data: st.DataObject
) -> None:
    state = None
    for _ in range(data.draw(st.integers(1, 30))):
        allowed = [m for m in life.moves if state in (m.sources or (None,))]
        if not allowed:
            break
        move = data.draw(st.sampled_from(allowed))
        state = life.advance(state, move.event)
        assert state == move.target
    assert state in life.ends() or life._later[state] & life.ends()


@given(lives, st.data())
def test_what_the_table_does_not_say_is_illegal(life: Life[Any], data: st.DataObject) -> None:
    state = data.draw(st.sampled_from([None, *life.targets.values()]))
    event = data.draw(st.sampled_from([m.event for m in life.moves]))
    legal = any(m.event is event and state in (m.sources or (None,)) for m in life.moves)
    if legal:
        life.advance(state, event)
    else:
        with pytest.raises(IllegalTransition):
            life.advance(state, event)


@pytest.mark.parametrize("life", LIVES.values(), ids=lambda life: life.entity)
def test_every_move_is_said_by_the_one_who_may_say_its_event(life: Life[Any]) -> None:
    assert all(move.by is move.event.by for move in life.moves)


@pytest.mark.parametrize("life", LIVES.values(), ids=lambda life: life.entity)
def test_a_life_ends_only_where_the_money_is_settled(life: Life[Any]) -> None:
    ends = MONEY_ENDS | AUDIT_ENDS | DISPUTE_ENDS | BEACON_ENDS | CHALLENGE_ENDS | SPARE_ENDS
    assert {str(state) for state in life.ends()} <= ends


def test_no_participant_can_end_a_life_or_move_money_but_a_verifier_may_decline() -> None:
    for life in LIVES.values():
        ends = [m for m in life.moves if m.target in life.ends() and m.by in PARTICIPANTS]
        assert {m.event for m in ends} <= {AuditDeclined}


def test_a_settled_job_has_been_verified_and_a_paid_lease_too_unless_it_ended_early() -> None:
    """What a lease is owed by vouchers that ended without a segment is paid though there is nothing to verify."""
    assert [m.sources for m in JOB_LIFE.moves if m.target == JobState.SETTLED] == [(JobState.VERIFIED,)]
    assert [tuple(map(str, m.sources)) for m in LEASE_LIFE.moves if str(m.target) == "paid"] == [
        ("failed", "lapsed", "released", "verified")
    ]


def test_an_event_of_the_past_is_behind_and_one_of_the_future_is_not() -> None:
    assert JOB_LIFE.is_behind(JobState.SETTLED, JobFunded)
    assert JOB_LIFE.is_behind(JobState.EXECUTED, JobSubmitted)
    assert not JOB_LIFE.is_behind(JobState.FUNDED, JobExecuted)
    assert not JOB_LIFE.is_behind(None, JobSettled)


def test_within_the_circle_of_matching_again_nothing_is_behind() -> None:
    assert not JOB_LIFE.is_behind(JobState.FUNDED, JobStarted)
