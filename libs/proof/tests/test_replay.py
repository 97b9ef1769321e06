"""Whoever has the public events has everybody's accounts: however often they come, and in which order."""

import random

from hypothesis import given
from hypothesis import strategies as st

from assay.proof.replay import Account, Replay
from assay.proof.reputation import REPUTATION_NEWCOMER, reputation_of
from assay.schema.audit import AuditPaid
from assay.schema.event import Event
from assay.schema.job import JobExecuted, JobFunded, JobRefunded, JobSettled, LeaseShare, Payout, VerifierPayout
from assay.schema.lease import UNPROVEN, LeaseRejected, LeaseVerified
from assay.schema.payment import AccountChanged, PaymentEnlisted
from assay.schema.values import Role, address_of, derive_id, participant_id

ADDRESSES = tuple("0x" + byte * 20 for byte in ("0a", "0b", "0c"))
ANN, BOB, VAL = ADDRESSES
REQUESTER, PROVIDER = participant_id(Role.REQUESTER, ANN), participant_id(Role.PROVIDER, BOB)
VERIFIER = participant_id(Role.VERIFIER, VAL)
PLACE = {"payment": 1, "tx": "0x" + "ab" * 32}
DIGEST = "cd" * 32


def changed(account: str, transfer: int, **sums: int) -> AccountChanged:
    return AccountChanged(account=account, transfer=transfer, block=7, **sums)


def funded(job: int, amount: int) -> JobFunded:
    return JobFunded(job_id=derive_id("j", job), requester=REQUESTER, amount=amount)


def closed(job: int, step: int | None, cost: int = 0, audited: int = 0) -> JobSettled | JobRefunded:
    """A job that had `cost` charged for one lease and an audit; without a step nothing was."""
    names = {"job_id": derive_id("j", job), "requester": REQUESTER, "receipt": DIGEST}
    fee = cost // 100
    lease = Payout(lease_id=derive_id("l", job), provider=PROVIDER, fence=1, amount=cost - fee, fee=fee)
    verifiers = (VerifierPayout(verifier=VERIFIER, amount=audited),) if audited else ()
    if step is None:
        return JobRefunded(**names, payouts=(), refunded=0)
    money = {"payouts": (lease,), "verifiers": verifiers, "fee": fee, "audited": audited, "refunded": 0}
    return JobSettled(**names, **money, step=step, **PLACE)


def judged(lease: int, is_true: bool) -> Event:
    names = {"lease_id": derive_id("l", lease), "job_id": derive_id("j", lease), "provider": PROVIDER, "fence": 1}
    about = names | {"verdict_id": derive_id("d", lease), "root": DIGEST}
    if is_true:
        return LeaseVerified(**about, segments=1, units=1)
    return LeaseRejected(**about, segment=0, code="segment.mismatch")


def executed(job: int, *addresses: str) -> JobExecuted:
    """A job that these had as providers, one after the other, of whom the last finished it."""
    none = {"first_segment": 0, "segments": 0, "mega_unit_price": 1, "root": DIGEST}
    leases = tuple(
        LeaseShare(
            lease_id=derive_id("l", job, fence), provider=participant_id(Role.PROVIDER, each), fence=fence, **none
        )
        for fence, each in enumerate(addresses, start=1)
    )
    return JobExecuted(job_id=derive_id("j", job), requester=REQUESTER, leases=leases, result=DIGEST)


def audit(number: int, amount: int, step: int | None, job: int | None = None) -> AuditPaid:
    """An audit that the requester pays for itself, or as a part of a job."""
    about = {"audit_id": derive_id("a", number), "job_id": derive_id("j", job) if job is not None else None}
    place = {"step": step, **PLACE} if step is not None else {}
    return AuditPaid(**about, verifier=VERIFIER, requester=REQUESTER, amount=amount, receipt=DIGEST, **place)


STORY = (
    *(changed(ANN, 1, deposited=5_000), changed(BOB, 2, stake=70), changed(VAL, 3, stake=90)),
    PaymentEnlisted(payment_id=derive_id("m", 1), tx=PLACE["tx"], block=7, account=ANN, place=1),
    *(funded(1, 1_000), funded(2, 2_000), funded(3, 300)),
    *(judged(1, True), judged(2, False), judged(3, True), executed(4, BOB, VAL), executed(5, BOB, BOB)),
    *(audit(8, 40, 2, job=1), closed(1, 1, 600, audited=40), closed(2, None), audit(9, 25, 3)),
    changed(BOB, 9, stake=50, unbonding=15, paid=594),
)


def test_what_each_has_follows_from_what_was_said() -> None:
    assert Replay.of(STORY).accounts() == {
        ANN: Account(deposit=5_000 - 300 - 665, held={derive_id("j", 3): 300}, charged=665),
        BOB: Account(paid=594, stake=50, unbonding=15, verified=2, rejected=1, dropped=1),
        VAL: Account(earned=65, stake=90),
    }
    bob = Replay.of(STORY).accounts()[BOB]
    assert bob.reputation == reputation_of(2, 1, 1) < reputation_of(2, 1) < REPUTATION_NEWCOMER == Account().reputation


def test_of_two_states_of_an_account_the_later_counts_also_after_a_fork() -> None:
    """A fork takes money back in a later place of the ledger, at an earlier block."""
    states = [changed(ANN, 1, deposited=5), changed(ANN, 2, deposited=9), changed(ANN, 3, deposited=5)]
    for seen in (states, states[::-1]):
        assert Replay.of(seen).accounts()[ANN].deposit == 5


sums = st.fixed_dictionaries({}, optional={name: st.integers(0, 99) for name in ("deposited", "paid", "stake")})
histories = st.lists(
    st.one_of(
        st.tuples(st.just(changed), st.sampled_from(ADDRESSES), sums),
        st.tuples(st.just(funded), st.integers(0, 4), st.integers(1, 99)),
        st.tuples(st.just(closed), st.integers(0, 4), st.integers(0, 500)),
        st.tuples(st.just(judged), st.integers(0, 4), st.booleans()),
        st.tuples(st.just(audit), st.integers(0, 4), st.integers(1, 50)),
    ),
    max_size=30,
)


def said(history: list[tuple]) -> list[Event]:
    """The events of a history: each about another thing, or a later state of the same."""
    events: dict[object, Event] = {}
    for turn, (kind, about, value) in enumerate(history, 1):
        if kind is changed:
            events[turn] = changed(about, turn, **value)
        elif kind in (closed, audit):
            events.setdefault(
                (kind, about), closed(about, turn, value) if kind is closed else audit(about, value, turn)
            )
        else:
            events.setdefault((kind, about), kind(about, value))
    return list(events.values())


@given(histories, st.randoms(use_true_random=False))
def test_repeats_and_another_order_change_nothing(history: list[tuple], chance: random.Random) -> None:
    events = said(history)
    often = events + chance.choices(events, k=len(events)) if events else []
    chance.shuffle(often)
    once, again = Replay.of(events).accounts(), Replay.of(often).accounts()
    assert list(once.items()) == list(again.items())
    assert sum(each.earned + each.paid for each in once.values()) <= sum(each.charged for each in once.values())
    assert all(address in ADDRESSES for address in once) and address_of(REQUESTER) == ANN


def test_what_was_left_to_another_and_nobody_can_answer_counts_twice_as_discovery_counts_it() -> None:
    """Each of the two events adds to a record by itself there, in whatever order, and once only."""
    left = executed(1, "0x" + "0a" * 20, "0x" + "0b" * 20)
    share = left.leases[0]
    names = {"lease_id": share.lease_id, "job_id": left.job_id, "provider": share.provider, "fence": 1}
    unproven = LeaseRejected(**names, verdict_id=derive_id("d", 1), root=DIGEST, segment=0, code=UNPROVEN)
    for events in ([left, unproven], [unproven, left], [left, unproven, left, unproven]):
        assert Replay.of(events).accounts()["0x" + "0a" * 20].dropped == 2
