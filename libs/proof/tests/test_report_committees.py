"""Receipts of a segment that a committee ruled on: its count and its seeds are repeated, and each lie is named."""

import base64
import json
from typing import Any

import pytest
from libs.proof.tests.conftest import DOMAIN, NOW_MS, key_of
from libs.proof.tests.test_provenance import VERIFIER, epoch_over, pooled_verdict
from libs.proof.tests.test_report import compose_from, reseal
from libs.proof.tests.test_report_disputes import defended, told
from libs.proof.tests.test_report_traces import HASH, LOOKED, by_trace, found

from assay.proof import seal, sign_event, verify
from assay.proof.committee import BETWEEN, looks_of
from assay.proof.opened import question_id_of
from assay.proof.provenance_disputes import DisputePart
from assay.proof.report_disputes import ruled_by
from assay.schema.dispute import Committee, DisputeContested, DisputeOutcome, DisputeWay, Measured, Sitting
from assay.schema.values import OperatorPlace

SAT = Sitting(block=LOOKED + 9, block_hash="7" * 64)
MILLI = (300, 1_000, 0, 1_500, 5_000)
"""Three within honest noise, one that proves nothing, one beyond."""
AT = OperatorPlace(step=3, number=41)


def named(letter: str) -> str:
    return VERIFIER[:-1] + letter


def answered(part: Any, commit: Any) -> Any:
    """The epoch in which three accused the operator of a trace, and five measured it."""
    place = (commit.lease_id, commit.segment)
    first = next(each for each in part.audits if (each.lease_id, each.segment) == place)
    others = tuple(each for each in part.audits if each != first)
    groups = [("a", 77, "overruled"), ("b", 77, "overruled"), ("c", 0, "agreed")]
    groups += [("d", 0, "agreed"), ("e", 0, "agreed"), ("f", 0, "agreed"), ("g", BETWEEN, "differed")]
    groups += [("h", 77, "overruled")]
    more = [{"verifier": named(letter), "group": group, "outcome": outcome} for letter, group, outcome in groups]
    return part.model_copy(update={"audits": others + tuple(first.model_copy(update=each) for each in more)})


def measured(part: Any, commit: Any) -> Committee:
    question = question_id_of(part.epoch_id, commit.lease_id, commit.segment)
    members = [
        Measured(verifier=who, seed=looks_of(SAT, part.seed, question, who), noise_milli=milli)
        for who, milli in zip(map(named, "defgh"), MILLI, strict=True)
    ]
    return Committee(sittings=(SAT,), members=tuple(members))


@pytest.fixture(scope="module")
def sat(lineage: Any) -> str:
    """The receipt of a job of which one segment was accused and defended before a committee."""
    commits = [[s.event for s in said if hasattr(s.event, "commitment")] for _, said in lineage.leases]
    epochs = [
        by_trace(epoch_over(each, number, k=3), each[0].lease_id, signer)
        for number, (each, signer) in enumerate(zip(commits, ("early", "late"), strict=True), start=1)
    ]
    there = {(each.lease_id, each.segment) for each in epochs[1].drawn}
    commit = next(each for each in commits[1] if (each.lease_id, each.segment) in there)
    committee = measured(epochs[1], commit)
    end = {"cause": "dispute.recounted", "outcome": DisputeOutcome.CHALLENGER_FAULT, "at_fault": (VERIFIER,)}
    lodged, ruled = told(commit, epochs[1], DisputeWay.COMMITTEE, **end, committee=committee)
    lodged = lodged.model_copy(update={"operator": AT})
    contest = DisputeContested(**{name: getattr(lodged, name) for name in ("dispute_id", "provider", "verifier")})
    stands = sign_event(key_of("late"), DOMAIN, contest, contest.provider, NOW_MS)
    epochs[1] = answered(epochs[1], commit)
    verdicts = [found(pooled_verdict(*three)) for three in zip(lineage.verdicts, commits, epochs, strict=True)]
    verdicts[1] = defended(verdicts[1], commit)
    part = DisputePart.of(lodged, ruled, [stands], [])
    return seal(compose_from(lineage, verdicts=verdicts, epochs=epochs, disputes=[part]), lineage.operator)


def test_a_receipt_tells_who_measured_the_operator_and_holds(sat: str, lineage: Any) -> None:
    report = verify(sat, lineage.operator.address)
    assert report.passed, report.faults
    said = next(check.sentence for check in report.checks if check.name.endswith(": ruling"))
    for word in (f"block {SAT.block} drew", "operator 41 of step 3", f"{named('g')} (1.5)", f"{named('d')} (0.3)"):
        assert word in said


UNHEARD: dict[str, Any] = {
    "cause": "dispute.unheard",
    "outcome": "numeric_tie",
    "at_fault": [],
    "forfeits": [],
    "committee": None,
}
"""What is said where no block drew a committee in time."""


@pytest.mark.parametrize("lie", [{}, {"at_fault": [VERIFIER]}, {"outcome": "worker_fault"}, {"way": "second_drawing"}])
def test_what_no_committee_heard_is_a_tie_and_nothing_more(sat: str, lineage: Any, lie: dict[str, Any]) -> None:
    part = json.loads(base64.b64decode(json.loads(sat)["payload"]))["predicate"]["disputes"][0]
    told = reseal(sat, lineage.operator, "predicate", "disputes", 0, value=part | UNHEARD | lie)
    ruling = [check for check in told.checks if check.name.endswith(": ruling")]
    assert any("more than a tie" in check.sentence for check in ruling) == bool(lie)
    reading: Any = None
    assert ruled_by(DisputePart.model_validate(part | UNHEARD), reading).endswith("no committee was drawn in time")


@pytest.mark.parametrize("beyond", [(), (0,), (0, 1)])
def test_what_is_upheld_on_appeal_is_what_the_committee_before_had_measured(
    sat: str, lineage: Any, beyond: tuple[int, ...]
) -> None:
    part = json.loads(base64.b64decode(json.loads(sat)["payload"]))["predicate"]["disputes"][0]
    part["cause"] = "dispute.upheld"
    for at in beyond:
        part["committee"]["members"][at]["noise_milli"] = 5_000
    report = reseal(sat, lineage.operator, "predicate", "disputes", 0, value=part)
    (ruling,) = (check for check in report.checks if check.name.endswith(": ruling"))
    assert ("measured before the appeal" in ruling.sentence) == bool(beyond)
    reading: Any = None
    assert ruled_by(DisputePart.model_validate(part), reading).startswith("Upheld on appeal")


@pytest.mark.parametrize("more", [0, 2])
def test_too_few_who_come_on_appeal_change_nothing_of_what_is_upheld(sat: str, lineage: Any, more: int) -> None:
    body = json.loads(base64.b64decode(json.loads(sat)["payload"]))["predicate"]
    part, again = body["disputes"][0] | {"cause": "dispute.upheld"}, Sitting(block=SAT.block + 1, block_hash=HASH)
    seed = next(each["seed"] for each in body["epochs"] if each["epoch_id"] == part["epoch_id"])
    question = question_id_of(part["epoch_id"], part["lease_id"], part["segment"])
    part["committee"]["sittings"].append(again.model_dump())
    for who in map(named, "ij"[:more]):
        look = looks_of(again, seed, question, who)
        part["committee"]["members"].append({"verifier": who, "seed": look, "noise_milli": 5_000})
    report = reseal(sat, lineage.operator, "predicate", "disputes", 0, value=part)
    (ruling,) = (check for check in report.checks if check.name.endswith(": ruling"))
    assert ruling.passed, ruling.sentence


def lies(body: Any) -> dict[tuple[object, ...], object]:
    """What an operator could say of a committee instead, by its place."""
    part = body["predicate"]["disputes"][0]
    members = part["committee"]["members"]
    turned = [{**each, "noise_milli": 5_000} for each in members]
    return {
        ("outcome",): "numeric_tie",
        ("committee", "members"): members[:2],
        ("committee", "members", 0, "noise_milli"): 9_000,
        ("committee", "members", 3, "noise_milli"): 900,
        ("committee", "members", 0, "seed"): "0" * 64,
        ("committee", "members", 0, "verifier"): VERIFIER,
        ("committee", "members", 1): members[0],
        ("committee", "members", 2): turned[2],
        ("committee", "sittings", 0, "block"): LOOKED,
        ("committee", "sittings", 0, "block_hash"): HASH,
        ("committee", "sittings"): [*part["committee"]["sittings"], {"block": SAT.block + 1, "block_hash": HASH}],
        ("committee",): None,
        ("place",): None,
        ("way",): "second_drawing",
    }


def test_an_operator_that_lies_about_a_committee_is_found_out(sat: str, lineage: Any) -> None:
    body = json.loads(base64.b64decode(json.loads(sat)["payload"]))
    for path, value in lies(body).items():
        report = reseal(sat, lineage.operator, "predicate", "disputes", 0, *path, value=value)
        assert any(check.name.startswith(("dispute", "form")) for check in report.faults), path
