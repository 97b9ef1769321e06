"""When a job closes, and that its money always adds up."""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from services.settlement.tests.auditing import upheld
from services.settlement.tests.stories import PRICE, UNITS, Part, Story

from assay.schema import Envelope, Event
from assay.schema.job import JobRefunded, JobSettled
from assay.schema.lease import SlashReason
from assay.schema.values import cost_of
from assay.settlement.domain import (
    GRACE_MS,
    audit_fee,
    chargeable,
    close,
    commits_of,
    gather,
    lacks,
    portion,
    slash_reason,
)

PARTS = st.builds(
    Part,
    provider=st.sampled_from(["alpha", "beta", "gamma"]),
    segments=st.integers(0, 4),
    is_true=st.booleans(),
)
STORIES = st.builds(
    Story,
    name=st.sampled_from(["one", "two"]),
    parts=st.lists(PARTS, max_size=4).map(tuple),
    end=st.sampled_from(["executed", "failed", "expired", "cancelled"]),
    price_limit=st.integers(0, 40_000),
)


def events_of(story: Story) -> list[Event]:
    said: list[Envelope[Any]] = [story.submitted(), *story.work()]
    return [envelope.event for envelope in said]


@settings(deadline=None)
@given(STORIES, st.integers(0, 60_000), st.integers(0, 60_000), st.lists(st.integers(0, 9_000), max_size=4))
def test_payouts_audits_and_refund_are_what_was_held(story: Story, held: int, most: int, fees: list[int]) -> None:
    dossier = gather(events_of(story))
    assert lacks(dossier) == []
    ordered = [upheld(f"{at}", "beta", fee).event for at, fee in enumerate(fees)]
    closure = close(dossier, held, ordered, most)
    audited = sum(audit.fee for audit in closure.audits)
    assert sum(payout.amount for payout in closure.payouts) + closure.fee + audited + closure.refunded == held
    assert [*closure.audits, *closure.left] == ordered
    assert closure.refunded >= held - most
    assert all(payout.fee == audit_fee(payout.amount + payout.fee) for payout in closure.payouts)
    assert closure.refunded >= 0 and closure.fee >= 0 and all(payout.amount >= 0 for payout in closure.payouts)


@settings(deadline=None)
@given(STORIES)
def test_each_true_lease_gets_what_it_earned_as_far_as_the_limit_goes(story: Story) -> None:
    closure = close(gather(events_of(story)), story.price_limit)
    left, expected = story.price_limit, []
    for part in story.parts:
        if part.segments and part.is_true:
            expected.append(min(cost_of(part.segments * UNITS, PRICE), left))
            left -= expected[-1]
    assert [payout.amount for payout in closure.payouts] == [cost - audit_fee(cost) for cost in expected]
    assert closure.fee == sum(map(audit_fee, expected)) <= sum(expected) // 100
    fences = [payout.fence for payout in closure.payouts]
    assert fences == sorted(set(fences))


@settings(deadline=None)
@given(STORIES, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(story: Story, chance: random.Random) -> None:
    events = events_of(story)
    shuffled = events + chance.sample(events, len(events) // 2)
    chance.shuffle(shuffled)
    assert close(gather(shuffled), story.price_limit) == close(gather(events), story.price_limit)


@settings(deadline=None)
@given(STORIES, st.data())
def test_no_job_closes_while_something_lacks(story: Story, data: st.DataObject) -> None:
    events = events_of(story)
    needed = [e for e in events if e.type not in ("lease.executed",) and not is_of_false_lease(story, e)]
    missing = data.draw(st.sampled_from(needed))
    if is_of_empty_lease(story, missing):
        return
    assert lacks(gather([event for event in events if event is not missing]))


def is_of_false_lease(story: Story, event: Event) -> bool:
    """A rejected lease is not paid, so its commitments are not waited for."""
    return event.type == "lease.committed" and not story.parts[event.fence - 1].is_true  # type: ignore[attr-defined]


def is_of_empty_lease(story: Story, event: Event) -> bool:
    return event.type == "lease.granted" and not story.parts[event.fence - 1].segments  # type: ignore[attr-defined]


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**13), st.integers(0, 10**13))
def test_what_is_charged_can_still_be_charged_when_it_is_posted(held: int, lacks_: int, due: int, posted: int) -> None:
    most = chargeable(held, lacks_, due, posted)
    assert 0 <= most <= held and (most == 0 or most + lacks_ <= held)
    assert most == 0 or posted - due <= GRACE_MS
    assert chargeable(held, 0, due, due + GRACE_MS) == held


def test_a_verified_job_settles_and_every_other_end_refunds() -> None:
    good, bad = (Part("alpha", 2),), (Part("alpha", 2, is_true=False),)
    ends = {"executed": JobSettled, "failed": JobRefunded, "expired": JobRefunded, "cancelled": JobRefunded}
    for end, closing in ends.items():
        assert close(gather(events_of(Story("x", good, end))), 20_000).event is closing
    assert close(gather(events_of(Story("x", bad))), 20_000).event is JobRefunded


def test_two_commitments_to_one_segment_do_not_confuse_the_receipt() -> None:
    story = Story("x", (Part("alpha", 3),))
    events = events_of(story)
    true = [event for event in events if event.type == "lease.committed"]
    false = true[1].model_copy(update={"state_out": "ff" * 32, "commitment": "ee" * 32})
    dossier = gather([false, *events, false])
    assert list(commits_of(dossier, dossier.shares[0])) == true


def test_withheld_data_is_another_offence_than_a_false_result() -> None:
    assert slash_reason("segment.withheld") is SlashReason.WITHHELD_DATA
    assert slash_reason("segment.wrong_checkpoint") is SlashReason.WITHHELD_DATA
    assert slash_reason("segment.mismatch") is SlashReason.INVALID_RESULT
    assert slash_reason("commitment.equivocation") is SlashReason.EQUIVOCATION


@given(st.integers(0, 10**9), st.integers(1, 200))
def test_the_shares_of_the_gas_are_the_gas(gas: int, count: int) -> None:
    assert sum(portion(gas, count, turn) for turn in range(count)) == gas
