"""Receipts of disputed segments: the moves are played again from their bytes, and each lie about them has its place."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libs.proof.tests.conftest import DOMAIN, NOW_MS, key_of
from libs.proof.tests.test_provenance import VERIFIER, epoch_over, parts_at, places, pooled_verdict
from libs.proof.tests.test_report import compose_from, reseal

from assay.proof import seal, sign_event, verify
from assay.proof.court import Party, Signed, advance, sign_move, summon
from assay.proof.court.encoding import encode
from assay.proof.court.rehearsal import BLOCK, Rehearsal, changed
from assay.proof.court.wire import in_text, pack
from assay.proof.provenance_disputes import DisputePart, line_up, replay
from assay.proof.provenance_graph import graph_of
from assay.proof.report_disputes import answers_to, faults_of_answers
from assay.proof.report_reading import read
from assay.schema.dispute import DisputeContested, DisputeLodged, DisputeOutcome, DisputeRuled, DisputeWay
from assay.schema.values import derive_id

PLAYER = Rehearsal(1, 2, BLOCK, 2, {Party.WORKER: key_of("early"), Party.CHALLENGER: key_of("verifier")})
CHALLENGER_LIES = {1: {5: changed(PLAYER.run_all()[1].outputs[5])}}


def moves_of(dispute_id: str, lease_id: str) -> tuple[str, list[Signed]]:
    """A dispute in which the challenger lies, as its terms and moves."""
    worker = PLAYER.hold(Party.WORKER, PLAYER.run_all())
    challenger = PLAYER.hold(Party.CHALLENGER, PLAYER.run_all(CHALLENGER_LIES))
    made = PLAYER.terms(worker, challenger)
    record = replace(made.record, lease_id=lease_id)
    terms = replace(made, record=record, serial=dispute_id, domain=replace(DOMAIN, verifying_contract="0x" + "77" * 20))
    dispute, last, said = summon(record, terms, 0), None, []
    while not dispute.is_over:
        holding = worker if dispute.turn is Party.WORKER else challenger
        last = holding.move(dispute, last)
        assert last is not None
        said.append(sign_move(PLAYER.keys[dispute.turn], terms, dispute.last, last))
        dispute = advance(dispute, said[-1], 0)
    return in_text(encode(terms)), said


def told(commit: Any, part: Any, way: DisputeWay, **changes: Any) -> tuple[DisputeLodged, DisputeRuled]:
    """How a dispute about a commitment began and ended."""
    dispute_id = derive_id("c", commit.lease_id, commit.segment)
    names = {"dispute_id": dispute_id, "provider": commit.provider, "verifier": VERIFIER}
    place = {"epoch_id": part.epoch_id, "lease_id": commit.lease_id, "segment": commit.segment}
    lodged = DisputeLodged(
        **names,
        **place,
        audit_id=derive_id("a", dispute_id),
        way=way,
        claimed=commit.state_out,
        countered="c" * 64,
        bond=1,
        contest_s=60,
        move_s=60,
        terms=changes.pop("terms", ""),
        expires_ms=NOW_MS,
    )
    ruled = DisputeRuled(**names, **place, **changes)
    return lodged, ruled


@pytest.fixture(scope="module")
def disputed(lineage: Any) -> str:
    """The receipt of a job of which a segment of each lease was defended: one in court, one by a second drawing."""
    commits = [[s.event for s in said if hasattr(s.event, "commitment")] for _, said in lineage.leases]
    epochs = [epoch_over(each, number, k=3) for number, each in enumerate(commits, start=1)]
    drawn = [{(d.lease_id, d.segment) for d in each.drawn} for each in epochs]
    both = [
        next(commit for commit in own if (commit.lease_id, commit.segment) in there)
        for own, there in zip(commits, drawn, strict=True)
    ]
    terms, moves = moves_of(derive_id("c", both[0].lease_id, both[0].segment), both[0].lease_id)
    after = replay(terms, moves)
    course = {
        "moves": len(moves),
        "rounds": after.rounds,
        "head": after.last.hex(),
        "tx": "0x" + "ef" * 32,
        "block": 77,
    }
    end: dict[str, Any] = {"outcome": DisputeOutcome.CHALLENGER_FAULT, "at_fault": (VERIFIER,)}
    in_court = told(both[0], epochs[0], DisputeWay.COURT, terms=terms, cause="dispute.judged", **end, **course)
    redrawn = told(both[1], epochs[1], DisputeWay.SECOND_DRAWING, cause="dispute.recounted", **end)
    contest = DisputeContested(**{name: getattr(redrawn[0], name) for name in ("dispute_id", "provider", "verifier")})
    stands = sign_event(key_of("late"), DOMAIN, contest, contest.provider, NOW_MS)
    parts = [DisputePart.of(*in_court, (), moves), DisputePart.of(*redrawn, [stands], ())]
    epochs = [with_answers(each, commit) for each, commit in zip(epochs, both, strict=True)]
    verdicts = [pooled_verdict(*three) for three in zip(lineage.verdicts, commits, epochs, strict=True)]
    verdicts = [defended(verdict, commit) for verdict, commit in zip(verdicts, both, strict=True)]
    return seal(compose_from(lineage, verdicts=verdicts, epochs=epochs, disputes=parts), lineage.operator)


def with_answers(part: Any, commit: Any, groups: str = "11000", stands: bool = True) -> Any:
    """The epoch in which verifiers answered so, each by its group; where the segment stands, who differed is overruled.

    One whose group is `f` did not reveal what it had sealed, and is overruled anyway.
    """
    place = (commit.lease_id, commit.segment)
    (first,) = [each for each in part.audits if (each.lease_id, each.segment) == place]
    others = tuple(each for each in part.audits if each != first)
    against = "overruled" if stands else "differed"
    more = tuple(
        first.model_copy(
            update={
                "verifier": VERIFIER[:-1] + "abcdef789"[at],
                "outcome": {"0": "agreed", "f": "overruled"}.get(group, against),
                "group": None if group == "f" else int(group),
            }
        )
        for at, group in enumerate(groups)
    )
    return part.model_copy(update={"audits": others + more})


# By how seven and more answered, what a second drawing comes to: the claim is 0, f was not what was sealed.
COUNTED = {
    "1100022": DisputeOutcome.CHALLENGER_FAULT,
    "1101000": DisputeOutcome.CHALLENGER_FAULT,
    "1111f000": DisputeOutcome.WORKER_FAULT,
    "1110022": DisputeOutcome.NUMERIC_TIE,
    "1112000": DisputeOutcome.NUMERIC_TIE,
    "111122000": DisputeOutcome.NUMERIC_TIE,
    "112233000": DisputeOutcome.CHALLENGER_FAULT,
}


@pytest.mark.parametrize("cause", ["dispute.recounted", "dispute.appealed"])
@pytest.mark.parametrize("groups", COUNTED)
def test_the_answers_bear_out_one_outcome_of_a_recount_and_no_other(lineage: Any, groups: str, cause: str) -> None:
    commits = [said.event for said in lineage.leases[1][1] if hasattr(said.event, "commitment")]
    plain = epoch_over(commits, 2, k=3)
    there = {(each.lease_id, each.segment) for each in plain.drawn}
    commit = next(each for each in commits if (each.lease_id, each.segment) in there)
    for outcome in DisputeOutcome:
        lodged, ruled = told(commit, plain, DisputeWay.SECOND_DRAWING, cause=cause, outcome=outcome, at_fault=())
        epoch = with_answers(plain, commit, groups, outcome is DisputeOutcome.CHALLENGER_FAULT)
        reading, _ = read(compose_from(lineage, epochs=[epoch]))
        part = DisputePart.of(lodged, ruled, (), ())
        faults = list(faults_of_answers(part, answers_to(part, reading)))
        assert (not faults) == (outcome is COUNTED[groups]), (outcome, faults)


def defended(verdict: Any, commit: Any) -> Any:
    findings = [
        each.model_copy(update={"code": "segment.defended"}) if each.segment == commit.segment else each
        for each in verdict.findings
    ]
    return verdict.model_copy(update={"findings": tuple(findings)})


def test_a_receipt_of_disputed_segments_holds_and_tells_of_them_in_words(disputed: str, lineage: Any) -> None:
    report = verify(disputed, lineage.operator.address)
    assert report.passed, report.faults
    said = " ".join(check.sentence for check in report.checks if check.name.startswith("dispute "))
    for word in ("down to operator 5 (IADD) of step 1", f"0x{'ef' * 32}, block 77", "drawn verifiers", VERIFIER):
        assert word in said
    assert {"dispute", "moves", "judgement"} <= {node.kind for node in graph_of(disputed).nodes}


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_flipped_bit_of_a_dispute_is_named_by_the_dispute(disputed: str, data: st.DataObject) -> None:
    begin = len(disputed) // 2
    place = data.draw(st.integers(begin, len(disputed) - 1))
    flipped = chr(ord(disputed[place]) ^ (1 << data.draw(st.integers(0, 6))))
    found = places(verify(disputed[:place] + flipped + disputed[place + 1 :]))
    assert found and found <= parts_at(disputed, place)


def test_a_flipped_bit_behind_the_payload_is_the_envelope_s_or_the_signature_s(disputed: str) -> None:
    for place in range(disputed.index('","payloadType"'), len(disputed)):
        for bit in range(7):
            found = places(verify(disputed[:place] + chr(ord(disputed[place]) ^ (1 << bit)) + disputed[place + 1 :]))
            assert found and found <= {"envelope", "signature"}, (place, bit)


def lies(body: Any) -> dict[tuple[object, ...], object]:
    """What an operator could say of the disputes instead, by its place."""
    court = body["predicate"]["disputes"][0]
    moves, worker = court["moves"], court["provider"]
    return {
        (0, "moves"): moves[:-1],
        (0, "moves", 3): moves[4],
        (0, "moves_count"): len(moves) - 1,
        (0, "head"): "0" * 64,
        (0, "rounds"): court["rounds"] + 1,
        (0, "operator", "number"): 4,
        (0, "at_fault"): [worker],
        (0, "outcome"): "worker_fault",
        (0, "cause"): "dispute.silence",
        (0, "terms"): "",
        (0, "dispute_id"): derive_id("c", "other"),
        (0, "verifier"): "v" + "0" * 40,
        (0, "segment"): 3,
        (0, "claimed"): "0" * 64,
        (0, "lease_id"): derive_id("l", "other"),
        (1, "said"): [],
        (1, "outcome"): "worker_fault",
        (1, "cause"): "dispute.accepted",
        (1, "epoch_id"): court["epoch_id"],
    }


def test_an_operator_that_lies_about_a_dispute_is_found_out(disputed: str, lineage: Any) -> None:
    body = json.loads(base64.b64decode(json.loads(disputed)["payload"]))
    for path, value in lies(body).items():
        report = reseal(disputed, lineage.operator, "predicate", "disputes", *path, value=value)
        assert any(check.name.startswith(("dispute", "form")) for check in report.faults), path
    assert not reseal(disputed, lineage.operator, "predicate", "disputes", value=[]).passed


def test_only_the_moves_that_were_taken_are_lined_up_whatever_else_was_said() -> None:
    terms, moves = moves_of(derive_id("c", "lined"), derive_id("l", "early"))
    last = replay(terms, moves).last.hex()
    other = sign_move(key_of("early"), replay(terms, ()).terms, replay(terms, moves[:2]).last, moves[0].move)
    said = [pack(other), "????", *map(pack, reversed(moves))]
    assert line_up(terms, last, said) == moves
    assert line_up(terms, last, said[:-1]) == [] == line_up(terms, None, said)
