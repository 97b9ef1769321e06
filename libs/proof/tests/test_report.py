import base64
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libs.proof.tests.conftest import DOMAIN, NOW_MS, key_of, verdict_on

from assay.proof import Key, Report, compose, receipt_digest, seal, sign_event, verify
from assay.proof.dsse import seal_payload
from assay.proof.receipt import Statement
from assay.proof.report_epochs import faults_of_answers
from assay.schema.errors import Reject
from assay.schema.verdict import Finding


def compose_from(lineage: Any, **changes: Any) -> Statement:
    parts = {
        name: getattr(lineage, name) for name in ("domain", "submitted", "leases", "verdicts", "payouts", "refunded")
    }
    return compose(**{**parts, **changes})


@pytest.fixture(scope="session")
def sealed(lineage: Any) -> str:
    return seal(compose_from(lineage), lineage.operator)


def reseal(sealed: str, operator: Key, *path: object, value: object) -> Report:
    """The report on a receipt in which the operator itself changed one thing and signed again."""
    body = json.loads(base64.b64decode(json.loads(sealed)["payload"]))
    at = body
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return verify(seal_payload(json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(), operator))


def faults_of(report: Report) -> set[str]:
    return {check.name.partition(": ")[2] or check.name.split()[0] for check in report.faults}


def test_an_honest_receipt_holds(sealed: str, lineage: Any) -> None:
    report = verify(sealed, lineage.operator.address)
    assert report.passed, report.faults
    assert len(report.checks) > 20
    assert all(check.sentence for check in report.checks)


def test_a_receipt_is_an_in_toto_statement_about_the_result(sealed: str, lineage: Any) -> None:
    body = json.loads(base64.b64decode(json.loads(sealed)["payload"]))
    assert body["_type"] == "https://in-toto.io/Statement/v1"
    assert body["predicateType"] == "urn:assay:receipt:1"
    assert body["subject"] == [{"name": "result", "digest": {"blake3": lineage.leases[1][1][-1].event.result}}]


def test_the_same_lineage_gives_the_same_receipt(sealed: str, lineage: Any) -> None:
    again = seal(compose_from(lineage), lineage.operator)
    assert again == sealed
    assert len(receipt_digest(again)) == 64


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_flipped_bit_of_a_receipt_is_found(sealed: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(sealed) - 1))
    flipped = chr(ord(sealed[place]) ^ (1 << data.draw(st.integers(0, 6))))
    report = verify(sealed[:place] + flipped + sealed[place + 1 :])
    assert not report.passed


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_flipped_bit_of_a_signed_statement_is_found_where_it_is(
    sealed: str, lineage: Any, data: st.DataObject
) -> None:
    lease = data.draw(st.integers(0, 1))
    place = data.draw(st.integers(0, len(lineage.leases[lease][1]) - 1))
    raw = lineage.leases[lease][1][place].data
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    flipped = (int.from_bytes(raw, "big") ^ (1 << bit)).to_bytes(len(raw), "big")
    path = ("predicate", "leases", lease, "said", place, "data")
    report = reseal(sealed, lineage.operator, *path, value=base64.b64encode(flipped).decode())
    lease_id = lineage.leases[lease][0].lease_id
    assert report.faults[0].name == f"lease {lease_id}, statement {place}: signature"


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("subject", 0, "digest", "blake3"), "0" * 64, "subject"),
        (("subject", 0, "name"), "spec", "subject"),
        (("predicate", "spec_digest"), "0" * 64, "terms"),
        (("predicate", "job"), "j" + "a" * 26, "terms"),
        (("predicate", "deployment", "chain_id"), 1, "signature"),
        (("predicate", "deployment", "payment"), "0x" + "00" * 20, "signature"),
        (("predicate", "order", "source"), "r" + "a" * 32, "signature"),
        (("predicate", "order", "time_ms"), 1, "signature"),
        (("predicate", "leases", 0, "fence"), 9, "statements"),
        (("predicate", "leases", 0, "provider"), "p" + "a" * 32, "statements"),
        (("predicate", "leases", 1, "resume"), None, "chain"),
        (("predicate", "leases", 1, "resume", "state"), "0" * 64, "resume"),
        (("predicate", "verdicts", 0, "root"), "0" * 64, "root"),
        (("predicate", "verdicts", 1, "seed"), "3" * 64, "draw"),
        (("predicate", "verdicts", 1, "drawn"), [2], "draw"),
        (("predicate", "verdicts", 0, "outcome"), "rejected", "findings"),
        (("predicate", "verdicts", 0, "findings"), [], "findings"),
        (("predicate", "verdicts", 0, "findings", 0, "claimed"), "0" * 64, "findings"),
        (("predicate", "verdicts", 0, "findings", 0, "passed"), False, "findings"),
        (("predicate", "verdicts", 0, "lease_id"), "l" + "a" * 26, "verdict"),
        (("predicate", "verdicts"), [], "payout"),
        (("predicate", "payouts", 0, "amount"), 6001, "payout"),
        (("predicate", "payouts", 0, "provider"), "p" + "a" * 32, "payout"),
        (("predicate", "payouts", 0, "lease_id"), "l" + "a" * 26, "payout"),
        (("predicate", "payouts", 0, "amount"), 5999, "sum"),
        (("predicate", "refunded"), 0, "sum"),
        (("predicate", "extra"), "praise", "form"),
    ],
    ids=lambda part: ".".join(map(str, part)) if isinstance(part, tuple) else None,
)
def test_an_operator_that_lies_is_found_out(
    sealed: str, lineage: Any, path: tuple[object, ...], value: object, fault: str
) -> None:
    report = reseal(sealed, lineage.operator, *path, value=value)
    assert fault in faults_of(report), report.faults


def test_a_lease_paid_twice_is_found(lineage: Any) -> None:
    half = lineage.payouts[0].model_copy(update={"amount": lineage.payouts[0].amount // 2})
    report = verify(seal(compose_from(lineage, payouts=(half, half, lineage.payouts[1])), lineage.operator))
    assert [check.sentence for check in report.faults] == ["A lease was paid twice."]


def test_a_statement_left_out_is_found(lineage: Any) -> None:
    granted, said = lineage.leases[1]
    for left_out in range(len(said) - 1):
        leases = (lineage.leases[0], (granted, [*said[:left_out], *said[left_out + 1 :]]))
        assert not verify(seal(compose_from(lineage, leases=leases), lineage.operator)).passed


def test_a_receipt_sealed_by_somebody_else_is_not_the_operators(lineage: Any) -> None:
    stranger = Key.from_hex("33" * 32)
    report = verify(seal(compose_from(lineage), stranger), lineage.operator.address)
    assert [check.name for check in report.faults] == ["seal"]


def test_a_job_without_a_result_has_a_receipt_about_its_spec(lineage: Any) -> None:
    leases = (lineage.leases[0],)
    changes = {
        "leases": leases,
        "verdicts": lineage.verdicts[:1],
        "payouts": lineage.payouts[:1],
        "refunded": lineage.refunded + lineage.payouts[1].amount,
    }
    statement = compose_from(lineage, **changes)
    assert statement.subject[0].name == "spec"
    assert verify(seal(statement, lineage.operator)).passed


def test_nothing_unsigned_gets_into_a_receipt(lineage: Any) -> None:
    with pytest.raises(Reject, match="no signature"):
        compose_from(lineage, submitted=replace(lineage.submitted, signature=None))


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "\x00", '{"payload":1}', "[" * 100_000])
def test_what_is_no_receipt_is_said_to_be_none(text: str) -> None:
    assert [check.name for check in verify(text).faults] == ["form"]


def rejected(lineage: Any, commits: list[Any], code: str = "commitment.broken") -> dict[str, Any]:
    """The lineage in which the second lease said `commits`, and its verdict rejects it for them."""
    requester = lineage.submitted.event.requester
    claim = commits[-1]
    finding = Finding(segment=claim.segment, method="free", passed=False, code=code, claimed=claim.state_out)
    verdict = verdict_on(commits, requester).model_copy(update={"outcome": "rejected", "findings": (finding,)})
    said = [
        sign_event(key_of("late"), DOMAIN, event, event.provider, NOW_MS + turn) for turn, event in enumerate(commits)
    ]
    return {
        "leases": (lineage.leases[0], (lineage.leases[1][0], said)),
        "verdicts": (lineage.verdicts[0], verdict),
        "payouts": lineage.payouts[:1],
        "refunded": lineage.refunded + lineage.payouts[1].amount,
    }


def test_a_rejected_lease_that_breaks_is_what_its_receipt_says(lineage: Any) -> None:
    commits = [said.event for said in lineage.leases[1][1][:3]]
    idle = commits[2].model_copy(update={"state_out": commits[2].state_in})
    report = verify(seal(compose_from(lineage, **rejected(lineage, [*commits[:2], idle])), lineage.operator))
    assert report.passed, report.faults
    assert any("The lease was rejected: Segment 4" in check.sentence for check in report.checks)


def test_a_verdict_that_sees_a_break_where_there_is_none_is_found_out(lineage: Any) -> None:
    commits = [said.event for said in lineage.leases[1][1][:3]]
    report = verify(seal(compose_from(lineage, **rejected(lineage, commits)), lineage.operator))
    assert [check.sentence for check in report.faults] == ["It says that the commitments break, but they hold."]


def test_a_rejected_lease_is_not_paid(lineage: Any) -> None:
    commits = [said.event for said in lineage.leases[1][1][:3]]
    idle = commits[2].model_copy(update={"state_out": commits[2].state_in})
    changes = rejected(lineage, [*commits[:2], idle]) | {"payouts": lineage.payouts, "refunded": lineage.refunded}
    report = verify(seal(compose_from(lineage, **changes), lineage.operator))
    assert [check.sentence for check in report.faults] == ["The lease has no verdict that it passed."]


def test_a_segment_that_was_not_drawn_and_not_paid_is_no_lack_of_an_answer() -> None:
    part, reading = SimpleNamespace(audits=()), SimpleNamespace(order=None, leases=())
    one, other = ("l1", 0), ("l1", 1)
    assert not list(faults_of_answers(part, {one}, {one, other}, reading))
    assert list(faults_of_answers(part, {one, other}, {one}, reading))


def test_what_verifiers_of_another_job_did_not_agree_on_is_no_fault_of_this_jobs_receipt() -> None:
    own, other = ("l1", 0), ("l2", 0)
    answers = [SimpleNamespace(lease_id=lease, segment=0, outcome="differed") for lease in ("l1", "l2")]
    reading = SimpleNamespace(order=None, leases=[SimpleNamespace(part=SimpleNamespace(lease_id="l1"))])
    assert not list(faults_of_answers(SimpleNamespace(audits=answers[1:]), {other}, set(), reading))
    assert list(faults_of_answers(SimpleNamespace(audits=answers), {own, other}, set(), reading))
    assert list(faults_of_answers(SimpleNamespace(audits=()), {other}, set(), reading))
