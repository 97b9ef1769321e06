"""The life of a job under every order of events: it ends, leases never overlap, fences rise, its limit holds."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services.matching.tests.samples import NOW_MS, commits, executed, job_of, offer_of, spec_of

from assay.matching.commits import commit, shortfall
from assay.matching.domain import (
    EXPIRED,
    LAPSED,
    Ending,
    Job,
    Step,
    cancel,
    execute,
    expire,
    fail,
    fund,
    grant,
    interrupt,
    lapse,
    start,
    unfund,
    wait,
    withdraw,
)
from assay.proof.commitment import leaf_of
from assay.schema.errors import Retry
from assay.schema.event import Event
from assay.schema.job import JOB_LIFE, JobState, LeaseShare
from assay.schema.lease import LEASE_LIFE, LeaseCommitted, LeaseGranted
from assay.schema.values import cost_of

ENDS = {JobState.EXECUTED, JobState.FAILED, JobState.EXPIRED, JobState.CANCELLED, JobState.UNFUNDED}
ACTIONS = ("grant", "start", "commit", "execute", "release", "lapse", "fail", "wait", "withdraw", "expire")
BAD = Ending("job.bad_data", "It does not parse.")
SILENT = Ending("lease.silent", "Not heard.")


class Walk:
    """A job that events happen to, as the handlers let them; `said` is all that was said of it."""

    def __init__(self, segments: int) -> None:
        self.job = job_of(price_limit=1_000 * segments, spec=spec_of(segments))
        self.said: list[Event] = []
        self.made: list[LeaseCommitted] = []

    def take(self, step: Step) -> None:
        self.job, events = step
        self.said += events

    @property
    def leaves(self) -> list[bytes]:
        return [leaf_of(made, self.job.spec_digest) for made in self.made]

    @property
    def granted(self) -> LeaseGranted:
        return [event for event in self.said if isinstance(event, LeaseGranted)][-1]

    def act(self, action: str, price: int) -> None:
        """Lets one thing happen, if it can."""
        job = self.job
        if action == "withdraw":
            self.take(withdraw(job, self.leaves))
        elif action == "expire" and job.is_alive:
            self.take(expire(job, self.leaves))
        elif job.state is JobState.FUNDED:
            self.unleased(action, price)
        elif job.lease:
            self.leased(action)

    def unleased(self, action: str, price: int) -> None:
        if action == "grant" and price <= self.job.price_max:
            self.made = []
            self.take(grant(self.job, offer_of(price, price)))
        elif action == "wait":
            self.take(wait(self.job, {"price.above_limit": price}))

    def leased(self, action: str) -> None:
        job = self.job
        assert job.lease is not None
        if action == "start":
            self.take(start(job))
        elif action == "commit" and job.lease.is_started and job.lease.next_segment < job.spec.segments:
            self.made = commits(self.granted, len(self.made) + 1)
            after = commit(job, self.made[-1])
            assert isinstance(after, Job)
            self.job = after
        elif action == "execute" and job.lease.is_started:
            self.execute()
        elif action == "release":
            self.take(interrupt(job, Ending("lease.released", "By plan."), self.leaves, None))
        elif action == "lapse":
            self.take(lapse(job, SILENT, self.leaves))
        elif action == "fail":
            self.take(fail(job, BAD, self.leaves))

    def execute(self) -> None:
        said = executed(self.granted, self.made)
        fault = shortfall(self.job, said, self.leaves)
        if fault:
            self.take(interrupt(self.job, fault, self.leaves, LAPSED))
        else:
            self.take(execute(self.job, said.result, self.leaves))


@settings(max_examples=100)
@given(
    st.integers(1, 5), st.booleans(), st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 1_200)), max_size=40)
)
def test_every_life_ends_and_keeps_its_order(
    segments: int, is_funded_first: bool, actions: list[tuple[str, int]]
) -> None:
    walk = Walk(segments)
    steps = actions if is_funded_first else actions[1:]
    if not is_funded_first and actions:
        walk.act(*actions[0])
    walk.take(fund(walk.job, NOW_MS))
    for action, price in steps:
        walk.act(action, price)
    if walk.job.is_alive:
        walk.act("expire", 0)
    assert walk.job.state in ENDS and walk.job.lease is None
    _check_leases(walk.job)
    _check_said(walk.said)


def _check_leases(job: Job) -> None:
    shares = job.past
    assert [share.fence for share in shares] == list(range(1, len(shares) + 1))
    assert all(a.first_segment + a.segments == b.first_segment for a, b in pairwise(shares))
    assert sum(share.segments for share in shares) <= job.spec.segments
    assert job.spent == sum(map(_cost, shares)) <= job.price_limit
    if job.state is JobState.EXECUTED:
        assert sum(share.segments for share in shares) == job.spec.segments


def _cost(share: LeaseShare) -> int:
    return cost_of(share.segments * 1_000_000, share.mega_unit_price)


def _check_said(said: list[Event]) -> None:
    """Every event follows from the one before by the tables."""
    state: JobState | None = JobState.FUNDED
    for event in said:
        if type(event) in JOB_LIFE.targets:
            state = JOB_LIFE.advance(state, type(event))
    grants = [event for event in said if isinstance(event, LeaseGranted)]
    assert len({event.lease_id for event in grants}) == len(grants)
    assert all(LEASE_LIFE.targets[type(event)] for event in said if event.entity() == "lease")


def running(segments: int = 3) -> tuple[Job, LeaseGranted]:
    """A job whose first lease has begun."""
    job, _ = fund(job_of(spec=spec_of(segments)), NOW_MS)
    job, events = grant(job, offer_of())
    assert isinstance(events[0], LeaseGranted)
    return start(job)[0], events[0]


def test_a_commitment_out_of_turn_is_told_apart() -> None:
    job, granted = running()
    first, second, third = commits(granted, 3)
    after = commit(job, first)
    assert isinstance(after, Job)
    assert commit(after, first) is None
    with pytest.raises(Retry):
        commit(after, third)
    assert isinstance(commit(after, second), Job)


@pytest.mark.parametrize(
    "lie",
    [
        {"state_in": "ab" * 32},
        {"previous": "ab" * 32},
        {"commitment": "ab" * 32},
        {"units": 1_000_001},
        {"checkpoint": "ab" * 32},
    ],
)
def test_a_false_commitment_ends_the_lease(lie: dict[str, object]) -> None:
    job, granted = running()
    first, second = commits(granted, 2)
    after = commit(job, first)
    assert isinstance(after, Job)
    ending = commit(after, second.model_copy(update=lie))
    assert isinstance(ending, Ending) and ending.code == "commitment.broken"


def test_a_commitment_beyond_the_plan_ends_the_lease() -> None:
    job, granted = running(1)
    first, second = commits(granted, 2)
    after = commit(job, first)
    assert isinstance(after, Job)
    assert isinstance(commit(after, second), Ending)


def test_a_commitment_before_the_beginning_is_heard_again() -> None:
    job, granted = running()
    assert job.lease is not None
    unstarted = replace(job, lease=replace(job.lease, is_started=False))
    with pytest.raises(Retry):
        commit(unstarted, commits(granted, 1)[0])


def test_what_was_spent_is_taken_from_the_budget() -> None:
    job, granted = running()
    for made in commits(granted, 2):
        after = commit(job, made)
        assert isinstance(after, Job)
        job = after
    job, _ = lapse(job, SILENT, [b"a" * 32, b"b" * 32])
    assert (job.spent, job.budget, job.units_left, job.next_segment) == (200, 3_800, 1_000_000, 2)
    assert cost_of(job.units_left, job.price_max) <= job.budget < cost_of(job.units_left, job.price_max + 1)


def test_only_a_job_that_waits_for_its_money_can_be_unfunded_or_noted_as_withdrawn() -> None:
    job = job_of()
    assert unfund(job)[0].state is JobState.UNFUNDED
    assert withdraw(job, ()) == (replace(job, is_withdrawn=True), [])
    ended, _ = cancel(fund(job, NOW_MS)[0], ())
    assert withdraw(ended, ()) == (ended, []) and unfund(ended) == (ended, [])
    assert fund(ended, NOW_MS) == (ended, [])


def test_a_lapse_names_its_reason_to_provider_and_requester() -> None:
    job, granted = running()
    after, (lapsed, interrupted) = lapse(job, EXPIRED, ())
    assert lapsed.code == EXPIRED.code and lapsed.lease_id == granted.lease_id  # type: ignore[attr-defined]
    assert EXPIRED.reason in interrupted.reason  # type: ignore[attr-defined]
    assert dict(after.excluded) == {granted.provider: "provider.lapsed"}
