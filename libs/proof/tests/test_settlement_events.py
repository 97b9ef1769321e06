"""Epochs of Payment from public events: whoever has these can tell a true root from a false one."""

from collections.abc import Sequence
from typing import Any

import pytest

from assay.proof.eip712 import Domain
from assay.proof.settlement import Settlement
from assay.proof.settlement_epoch import Book, build
from assay.proof.settlement_events import charge_of, charged, standing, verify_epochs
from assay.schema.audit import AuditPaid
from assay.schema.event import Event
from assay.schema.job import JobRefunded, JobSettled, Payout, VerifierPayout
from assay.schema.payment import PaymentEnlisted, PaymentFinalised, PaymentPosted, PaymentVoided, VoidReason
from assay.schema.values import Role, address_of, derive_id, participant_id

DOMAIN = Domain(31337, "0x" + "5e" * 20)
TX = {"tx": "0x" + "ab" * 32, "block": 7}
ANN, OPERATOR = (participant_id(Role.REQUESTER, "0x" + byte * 20) for byte in ("0a", "0e"))
BOB, EVE = (participant_id(Role.PROVIDER, "0x" + byte * 20) for byte in ("0b", "0f"))
VAL = participant_id(Role.VERIFIER, "0x" + "0c" * 20)
RECEIPT = "cd" * 32


def closed(number: int, step: int | None, **changes: Any) -> JobSettled:
    leases = ((BOB, 990, 10), (EVE, 0, 0), (BOB, 1980, 20))
    payouts = tuple(
        Payout(lease_id=derive_id("l", number, turn), provider=who, fence=turn + 1, amount=amount, fee=fee)
        for turn, (who, amount, fee) in enumerate(leases)
    )
    money = {"payouts": payouts, "fee": 30, "verifiers": (VerifierPayout(verifier=VAL, amount=500),), "audited": 500}
    where = {"payment": 1, "step": step, "refunded": 5, "receipt": RECEIPT}
    return JobSettled(job_id=derive_id("j", number), requester=ANN, **money | where | changes)


def audited(number: int, step: int | None, job: str | None = None) -> AuditPaid:
    who = {"verifier": VAL, "requester": ANN if job else OPERATOR, "job_id": job, "receipt": "ef" * 32}
    return AuditPaid(audit_id=derive_id("a", number), amount=70, payment=1, step=step, **who)


def posted(number: int, first_step: int, before: Book, jobs: Sequence[Settlement]) -> tuple[PaymentPosted, Book]:
    epoch, after = build(before, number, jobs)
    roots = {"steps_root": epoch.steps_root.hex(), "root": epoch.state.hash.hex()}
    money = {"credits": epoch.state.credits, "debits": epoch.state.debits}
    where = {
        "payment_id": derive_id("m", number),
        "poster": "0x" + "0e" * 20,
        "posted_at": 1_800_000_000 + number,
        **TX,
    }
    told = PaymentPosted(number=number, first_step=first_step, steps=len(epoch.steps), **roots, **money, **where)
    return told, after


@pytest.fixture
def told() -> list[Event]:
    """Two epochs, of a job with three parts and of an audit that the operator pays; and what is no step at all."""
    people = enumerate((ANN, BOB, VAL, OPERATOR), 1)
    enlisted = [
        PaymentEnlisted(payment_id=derive_id("m", place), account=address_of(who), place=place, **TX)
        for place, who in people
    ]
    job, audit = closed(1, 1), audited(1, 4)
    book = Book(DOMAIN, {each.account: each.place for each in enlisted})
    (one,), (other,) = charged([job]), charged([audit])
    first, book = posted(1, one.step, book, [one.settlement])
    second, _ = posted(2, other.step, book, [other.settlement])
    nothing = JobRefunded(job_id=derive_id("j", 2), requester=ANN, refunded=9, receipt=RECEIPT)
    inside = audited(2, 3, job.job_id)
    return [
        *enlisted,
        job,
        inside,
        nothing,
        first,
        audit,
        second,
        PaymentFinalised(payment_id=derive_id("m", 1), number=1, **TX),
    ]


def test_events_alone_make_every_root(told: list[Event]) -> None:
    found = list(verify_epochs(DOMAIN, told))
    assert [(each.number, each.fault, each.is_final) for each in found] == [(1, "", True), (2, "", False)]
    assert [len(each.epoch.steps) for each in found if each.epoch] == [3, 1]
    assert found[1].after
    assert found[1].after.sums == {
        address_of(ANN): (0, 3500),
        address_of(BOB): (2970, 0),
        address_of(VAL): (570, 0),
        address_of(OPERATOR): (0, 70),
    }


def test_what_earned_nothing_or_stands_in_a_job_is_no_charge_of_its_own(told: list[Event]) -> None:
    assert [(each.step, each.end, each.about[0]) for each in charged([*told, *told])] == [(1, 4, "j"), (4, 5, "a")]
    assert charge_of(audited(2, 3, derive_id("j", 1))) is None


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"root": "11" * 32}, "another root."),
        ({"steps_root": "11" * 32}, "another root of steps."),
        ({"debits": 1}, "another debits"),
        ({"steps": 2}, "step 3"),
        ({"steps": 4}, "root of steps, root, credits, debits"),
        ({"first_step": 2}, "not at 1"),
    ],
)
def test_an_epoch_that_says_anything_else_is_found(told: list[Event], changes: dict[str, Any], fault: str) -> None:
    false = [
        each.model_copy(update=changes) if isinstance(each, PaymentPosted) and each.number == 1 else each
        for each in told
    ]
    first = next(verify_epochs(DOMAIN, false))
    assert fault in first.fault


def test_a_charge_that_is_told_otherwise_makes_another_root_and_ends_what_can_be_said(told: list[Event]) -> None:
    false = [each.model_copy(update={"receipt": "00" * 32}) if isinstance(each, JobSettled) else each for each in told]
    assert [each.is_right for each in verify_epochs(DOMAIN, false)] == [False, False]


def test_what_no_event_tells_is_said(told: list[Event]) -> None:
    first, second = verify_epochs(DOMAIN, [each for each in told if not isinstance(each, JobSettled)])
    assert "step 1" in first.fault and second.fault == first.fault


def test_a_void_epoch_takes_those_after_it_along_and_its_steps_are_posted_again(told: list[Event]) -> None:
    void = PaymentVoided(payment_id=derive_id("m", 9), number=1, reason=VoidReason.UNANSWERED, **TX)
    assert standing([*told, void]) == []
    places = {each.account: each.place for each in told if isinstance(each, PaymentEnlisted)}
    again, _ = posted(1, 1, Book(DOMAIN, places), [each.settlement for each in charged(told)])
    (found,) = verify_epochs(DOMAIN, [*told, void, again])
    assert (found.fault, found.posted.steps) == ("", 4)
