"""What a period of rewards counts: what was paid for in it and stands, and the least stake."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.proof.reward_inputs import NOTHING, Span, entries_of, least, span_of, work_in
from assay.proof.rewards import Inputs, Terms, weight_of
from assay.proof.settlement_events import standing
from assay.schema.event import Event
from assay.schema.job import JobSettled, Payout
from assay.schema.lease import LeaseVerified
from assay.schema.offer import StakeChanged
from assay.schema.payment import PaymentPosted, PaymentVoided, VoidReason
from assay.schema.values import Role, derive_id, participant_id

WORD, TX = "ab" * 32, "0x" + "cd" * 32
TERMS = Terms(target_ppm=200_000, cap_ppm=250_000, stake_per_mega_unit=10**6)
ADDRESSES = [f"0x{number:040x}" for number in (1, 2, 3)]


@dataclass
class Story:
    """Public events, and the step after the last one."""

    said: list[Event] = field(default_factory=list)
    step: int = 1
    number: int = 0
    block: int = 10

    def job(self, *parts: tuple[str, int, int]) -> None:
        """A job that paid its leases: of whom, so many units, for so much."""
        job = derive_id("j", len(self.said))
        payouts = []
        for fence, (who, units, amount) in enumerate(parts, 1):
            names = {"lease_id": derive_id("l", job, fence), "provider": provider(who), "fence": fence}
            verdict = {"verdict_id": derive_id("d", job, fence), "segments": 1, "units": units, "root": WORD}
            self.said.append(LeaseVerified(**names, job_id=job, **verdict))
            payouts.append(Payout(**names, amount=amount, fee=0))
        paid = sum(1 for *_, amount in parts if amount)
        money = {"payouts": tuple(payouts), "refunded": 0, "fee": 0, "receipt": WORD, "requester": requester()}
        where = {"payment": self.number + 1, "step": self.step, "tx": TX} if paid else {}
        self.said.append(JobSettled(job_id=job, **money, **where))
        self.step += paid

    def post(self, posted_at: int, first_step: int) -> None:
        """An epoch of payments, of all steps since one."""
        self.number, self.block = self.number + 1, self.block + 10
        place = {"payment_id": derive_id("m", self.number), "tx": TX, "block": self.block}
        sums = {"steps_root": WORD, "root": WORD, "credits": 0, "debits": 0, "poster": ADDRESSES[0]}
        steps = {"first_step": first_step, "steps": self.step - first_step}
        self.said.append(PaymentPosted(**place, number=self.number, posted_at=posted_at, **steps, **sums))

    def stake(self, who: str, amount: int, block: int, backing: int = 0) -> None:
        self.said.append(StakeChanged(provider=provider(who), amount=amount, backing=backing, block=block))


def provider(address: str) -> str:
    return participant_id(Role.PROVIDER, address)


def requester() -> str:
    return participant_id(Role.REQUESTER, ADDRESSES[2])


def test_a_period_counts_what_was_posted_in_it_stands_and_was_paid() -> None:
    story, (one, other, _) = Story(), ADDRESSES
    story.stake(one, 70, 5)
    story.job((one, 100, 9))
    story.post(posted_at=50, first_step=1)
    story.job((one, 1000, 9), (other, 2000, 9), (other, 7, 0))
    story.post(posted_at=150, first_step=2)
    named = {"payment_id": derive_id("m", 2), "tx": TX, "block": 31, "number": 2}
    story.said.append(PaymentVoided(**named, reason=VoidReason.UNANSWERED))
    story.number = 1
    assert span_of(standing(story.said), 100, 200) == NOTHING, "what is void counts when it is posted again"
    story.job((other, 30, 9))
    story.post(posted_at=199, first_step=2)
    assert span_of(standing(story.said), 100, 200) == Span(2, 5, 20, 40)
    done = entries_of(story.said, 100, 200)
    assert [(each.provider, each.inputs) for each in done] == [
        (one, Inputs(1000, 1000, 70)),
        (other, Inputs(2030, 2030, 0)),
    ]
    assert entries_of(story.said, 200, 300) == []
    assert [each.inputs.verified for each in entries_of(story.said, 0, 100)] == [100]


def test_stake_counts_as_the_least_from_the_period_before_on_and_a_fork_takes_back_what_was_said() -> None:
    span = Span(1, 2, since_block=20, until_block=40)
    assert least([(10, 9), (20, 7), (30, 8), (41, 1)], span) == 7
    assert least([(10, 9), (30, 4), (35, 8)], span) == 4
    assert least([(21, 9)], span) == 0 == least([], span), "who joins within it counts from the next on"
    story = Story()
    for amount, block in ((9, 10), (2, 30), (5, 25), (6, 39)):
        story.stake(ADDRESSES[0], amount, block, backing=1)
    story.job((ADDRESSES[0], 10, 1))
    story.block = 30
    story.post(posted_at=5, first_step=1)
    (row,) = entries_of(story.said, 0, 10)
    assert row.inputs.stake == 0, "nothing stood before the first epoch of all"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**12)), min_size=2, max_size=5))
def test_who_works_in_turn_under_many_names_has_no_more_weight(parts: list[tuple[int, int]]) -> None:
    """Each name works at the machine's full speed, one after the other."""
    split = sum(weight_of(Inputs(units, units, stake), TERMS) for units, stake in parts)
    units, stake = (sum(column) for column in zip(*parts, strict=True))
    assert split <= weight_of(Inputs(units, units, stake), TERMS)


def test_a_payment_without_its_verdict_is_no_work() -> None:
    story = Story()
    story.job((ADDRESSES[0], 10, 1))
    done = [event for event in story.said if not isinstance(event, LeaseVerified)]
    with pytest.raises(KeyError):
        work_in(Span(1, 2, 0, 1), done)
