"""Receipts of segments that were checked by their trace: root and seed are proven, and each lie about them is named."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from libs.proof.tests.conftest import DOMAIN, NOW_MS, commits_of, key_of
from libs.proof.tests.test_provenance import BLOCK, epoch_over, parts_at, places, pooled_verdict
from libs.proof.tests.test_report import compose_from, faults_of, reseal

from assay.proof import seal, sign_event, verify
from assay.proof.dsse import open_envelope
from assay.proof.opened import is_plain, question_id_of, trace_seed
from assay.proof.provenance import EpochPart, TracePart
from assay.proof.provenance_graph import graph_of
from assay.proof.report_traces import traced_of

LOOKED, HASH = BLOCK + 5, "5" * 64


def opened(part: EpochPart, lease_id: str, segment: int, signer: str) -> TracePart:
    """A trace as its provider opened and signed it."""
    question = question_id_of(part.epoch_id, lease_id, segment)
    bare = TracePart(
        lease_id=lease_id,
        segment=segment,
        root="a" * 63 + str(segment),
        trace="b" * 64,
        time_ms=NOW_MS + 4,
        signature="0x" + "0" * 130,
        block=LOOKED,
        block_hash=HASH,
        seed=trace_seed(HASH, part.seed, question),
    )
    said = sign_event(key_of(signer), DOMAIN, traced_of(part, bare), part.provider, bare.time_ms)
    return bare.model_copy(update={"signature": said.signature})


def by_trace(part: EpochPart, lease_id: str, signer: str) -> EpochPart:
    """The epoch whose answers about one lease were found in traces."""
    audits = [
        each.model_copy(update={"method": "trace"}) if each.lease_id == lease_id else each for each in part.audits
    ]
    traces = [opened(part, each.lease_id, each.segment, signer) for each in part.drawn if each.lease_id == lease_id]
    return part.model_copy(update={"audits": tuple(audits), "traces": tuple(traces)})


def found(verdict: Any) -> Any:
    findings = [each.model_copy(update={"method": "trace"}) for each in verdict.findings]
    return verdict.model_copy(update={"findings": tuple(findings)})


@pytest.fixture(scope="module")
def traced(lineage: Any) -> str:
    """The receipt of a job whose leases were checked by their traces."""
    commits = [[s.event for s in said if hasattr(s.event, "commitment")] for _, said in lineage.leases]
    signers = ("early", "late")
    epochs = [
        by_trace(epoch_over(each, number, k=3), each[0].lease_id, signer)
        for number, (each, signer) in enumerate(zip(commits, signers, strict=True), start=1)
    ]
    verdicts = [found(pooled_verdict(*three)) for three in zip(lineage.verdicts, commits, epochs, strict=True)]
    return seal(compose_from(lineage, verdicts=verdicts, epochs=epochs), lineage.operator)


def test_a_receipt_proves_the_opened_roots_and_what_was_looked_at_of_them(traced: str, lineage: Any) -> None:
    report = verify(traced, lineage.operator.address)
    assert report.passed, report.faults
    said = [check.sentence for check in report.checks if check.name.endswith(": traces")]
    assert len(said) == 2
    assert f"block {LOOKED}, 5 after the draw's, drew what verifiers looked at" in said[0]
    parts = json.loads(open_envelope(traced).payload)["predicate"]["epochs"]
    assert all(each["root"] in said[0] and each["seed"] in said[0] for each in parts[0]["traces"])
    assert "trace" in {node.kind for node in graph_of(traced).nodes}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("root",), "0" * 64),
        (("trace",), "0" * 64),
        (("time_ms",), NOW_MS),
        (("signature",), "0x" + "1" * 130),
        (("block_hash",), "0" * 64),
        (("seed",), "0" * 64),
        (("block",), BLOCK),
        (("segment",), 7),
        ((), None),
    ],
)
def test_an_operator_that_lies_about_a_trace_is_found_out(
    traced: str, lineage: Any, path: tuple[str, ...], value: object
) -> None:
    place = (0, *path) if path else ()
    report = reseal(traced, lineage.operator, "predicate", "epochs", 1, "traces", *place, value=value if path else [])
    assert "traces" in {name.rpartition(": ")[2] for name in faults_of(report)}, report.faults


def test_a_valid_signature_by_another_key_opens_no_trace(traced: str, lineage: Any) -> None:
    body = json.loads(open_envelope(traced).payload)["predicate"]["epochs"][1]
    part = EpochPart.model_validate(body)
    first = part.traces[0]
    stranger = opened(part, first.lease_id, first.segment, "early").signature
    report = reseal(traced, lineage.operator, "predicate", "epochs", 1, "traces", 0, "signature", value=stranger)
    assert any("did not sign this trace" in check.sentence for check in report.faults)


def test_only_a_signed_statement_in_its_one_form_can_be_shown_again() -> None:
    part = epoch_over(commits_of("early", fence=1, first=0, count=2, resume=None), 1, k=2)
    event = traced_of(part, opened(part, part.drawn[0].lease_id, part.drawn[0].segment, "early"))
    said = sign_event(key_of("early"), DOMAIN, event, part.provider, NOW_MS)
    assert is_plain(said)
    assert not is_plain(replace(said, signature=None)) and not is_plain(replace(said, data=said.data + b" "))


def test_a_flipped_byte_of_a_trace_is_named_by_its_epoch(traced: str) -> None:
    payload = open_envelope(traced).payload
    at = payload.index(b'"traces"') + 40
    begin = len('{"payload":"')
    place = begin + at * 8 // 6
    flipped = traced[:place] + chr(ord(traced[place]) ^ 1) + traced[place + 1 :]
    named = places(verify(flipped))
    assert named and named <= parts_at(traced, place)
    assert base64.b64encode(payload).decode() in traced
    assert all(name.startswith("epoch ") for name in named)
