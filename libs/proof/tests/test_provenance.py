"""Receipts of leases proven in pooled epochs: honest ones hold; each lie and each changed byte has its place."""

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from libs.proof.tests.conftest import DOMAIN, NOW_MS, SPEC, commits_of, key_of
from libs.proof.tests.test_report import compose_from, faults_of, reseal
from libs.proof.tests.test_report import sealed as sealed
from pydantic import ValidationError

from assay.proof import Report, epoch, seal, sign_event, spec_digest, verify
from assay.proof.beacon import Pulse, commit, reveal_of, said_of
from assay.proof.dsse import open_envelope
from assay.proof.merkle_sum import root as sum_root
from assay.proof.pool import Pool, SegmentPlace
from assay.proof.provenance import AuditPart, EntryPart, EpochPart, SharePart, StakePart, UnprovenPart
from assay.proof.provenance_chain import read_chain
from assay.proof.provenance_graph import graph_of
from assay.schema.beacon import RevealedShare
from assay.schema.epoch import (
    DrawnSegment,
    EpochAnchored,
    EpochClosed,
    EpochCommitted,
    EpochDrawn,
    EpochEntry,
    EpochPooled,
    StakeBehind,
)
from assay.schema.lease import UNCHECKED, UNPROVEN
from assay.schema.values import NO_DIGEST, Role, Value, derive_id, participant_id
from assay.schema.verdict import Finding, VerdictReached

BLOCK = 40
VERIFIER = participant_id(Role.VERIFIER, key_of("verifier").address)
ATTESTED, REPORT = 1, "e" * 64
STAKE = StakeBehind(block=BLOCK, own=10**18, backing=0, locked=0, rate_ppm=500_000, price=2 * 10**18)
ABSENT = participant_id(Role.VERIFIER, key_of("absent").address)


def entry_of(job_id: str, entry: epoch.Entry) -> EpochEntry:
    names = {"lease_id": entry.lease_id, "fence": entry.fence, "first_segment": entry.first_segment}
    return EpochEntry(**names, job_id=job_id, segments=entry.segments, root=entry.range_root, units=entry.units)


def neighbour(name: str, costs: tuple[int, ...] = (500,) * 3) -> epoch.Range:
    """A lease of another job in the same epoch."""
    leaves = tuple(bytes([at + 1]) * 32 for at in range(len(costs)))
    under = sum_root(list(zip(leaves, costs, strict=True)))
    return epoch.Range(epoch.Entry(derive_id("l", "neighbour", name), 7, 0, len(costs), *under), leaves, costs)


def revealed_share(name: str, epoch_id: str, pulse: Pulse) -> RevealedShare:
    """What a verifier was bound to, and revealed over a block."""
    key = key_of(name)
    verifier = participant_id(Role.VERIFIER, key.address)
    value, salt = (blake3(f"{name} {what} {epoch_id}".encode()).digest() for what in ("value", "salt"))
    bare = RevealedShare(
        verifier=verifier,
        commit=commit(value, salt, verifier, epoch_id),
        value=value.hex(),
        salt=salt.hex(),
        time_ms=NOW_MS,
        signature="0x" + "0" * 130,
    )
    said = sign_event(key, DOMAIN, said_of(bare, epoch_id, pulse).event, verifier, NOW_MS)
    return bare.model_copy(update={"signature": said.signature})


def epoch_over(commits: list[Any], number: int, k: int, others: Sequence[epoch.Range] = ()) -> EpochPart:
    """The epoch of one lease and a neighbour's, drawn and audited; of many others, its entries stand in a blob."""
    own = epoch.range_of(commits, spec_digest(SPEC))
    ranges = epoch.in_order([own, *(others or [neighbour(str(number))])])
    root = epoch.epoch_root([each.entry for each in ranges])
    epoch_id, pulse = derive_id("x", commits[0].provider, number), Pulse(BLOCK, blake3(str(number).encode()).digest())
    revealed = [revealed_share(name, epoch_id, pulse) for name in ("sharer one", "sharer two")]
    beacon = epoch.combine(pulse.value, [reveal_of(share).value for share in revealed])
    seed = epoch.seed(beacon, root.root, commits[0].provider, number)
    drawn = epoch.draw(seed, ranges, k)
    fact = {"epoch_id": epoch_id, "provider": commits[0].provider, "number": number}
    jobs = {own.entry.lease_id: commits[0].job_id}
    entries = tuple(entry_of(jobs.get(e.entry.lease_id, derive_id("j", "another")), e.entry) for e in ranges)
    sums = {"root": root.root, "units": root.total, "segments": sum(each.segments for each in entries)}
    names = fact | sums | {"previous": NO_DIGEST}
    closed: EpochClosed = EpochPooled(**names, size=len(entries), entries=NO_DIGEST)
    if not others:
        closed = EpochCommitted(**names, entries=entries)
    segments = tuple(DrawnSegment(lease_id=lease, segment=segment) for lease, segment in drawn)
    part = EpochPart.of(
        closed,
        EpochAnchored(**fact, root=root.root, block=BLOCK - 2, tx="0x" + "ab" * 32, gas=50_000),
        EpochDrawn(
            **fact,
            root=root.root,
            block=BLOCK,
            beacon=beacon.hex(),
            seed=seed,
            drawn=segments,
            revealed=revealed,
            missing=(ABSENT,),
            attestation=REPORT if number == ATTESTED else None,
            stake=STAKE if number == ATTESTED else None,
        ),
        pulse.value,
        audits=tuple(
            AuditPart(lease_id=lease, segment=segment, verifier=VERIFIER, method="replay", outcome="agreed")
            for lease, segment in drawn
        ),
    )
    if not others:
        return part
    by_lease = {each.entry.lease_id: each for each in others}
    longer = [(lease, at) for lease, at in drawn if lease in by_lease and len(by_lease[lease].costs) > 1]
    shown = Pool(entries).show({own.entry.lease_id, *(lease for lease, _ in drawn)})
    return part.showing(len(entries), shown, [SegmentPlace.of(by_lease[lease], at) for lease, at in longer])


def pooled_verdict(verdict: VerdictReached, commits: list[Any], part: EpochPart) -> VerdictReached:
    """The verdict that the epoch gives on a lease."""
    drawn = tuple(each.segment for each in part.drawn if each.lease_id == verdict.lease_id)
    findings = tuple(
        Finding(segment=c.segment, method="replay", passed=True, code="replay.equal", claimed=c.state_out)
        for c in commits
        if c.segment in drawn
    )
    changes = {"epoch_id": part.epoch_id, "seed": part.seed, "block": part.beacon.block, "drawn": drawn}
    return verdict.model_copy(update=changes | {"findings": findings})


@pytest.fixture(scope="session")
def pooled(lineage: Any) -> str:
    """The receipt of a job whose two leases stand in two providers' epochs."""
    commits = [[s.event for s in said if hasattr(s.event, "commitment")] for _, said in lineage.leases]
    epochs = [epoch_over(each, number, k=3) for number, each in enumerate(commits, start=1)]
    verdicts = [pooled_verdict(*parts) for parts in zip(lineage.verdicts, commits, epochs, strict=True)]
    return seal(compose_from(lineage, verdicts=verdicts, epochs=epochs), lineage.operator)


def places(report: Report) -> set[str]:
    return {check.name.removeprefix("place: ") for check in report.faults if check.name.startswith("place: ")}


def test_a_receipt_of_pooled_work_holds(pooled: str, lineage: Any) -> None:
    report = verify(pooled, lineage.operator.address)
    assert report.passed, report.faults
    by_name = {check.name.rpartition(": ")[2]: check.sentence for check in report.checks}
    names = set(by_name)
    sharers = [participant_id(Role.VERIFIER, key_of(f"sharer {number}").address) for number in ("one", "two")]
    assert all(name in by_name["beacon"] for name in (*sharers, f"not revealed: {ABSENT}", f"block {BLOCK}, 2 after"))
    assert {"root", "beacon", "seed", "draw", "audits", "provenance", "chain"} <= names
    for lease in lineage.leases:
        granted, (first, *_) = lease
        ran = f"{granted.lease_id} ran on machines of class {first.event.machine[:12]}, code {first.event.code[:12]}"
        assert ran in by_name["provenance"]


def test_a_receipt_names_the_report_of_a_machine_where_one_counted(pooled: str, lineage: Any) -> None:
    said = {check.name: check.sentence for check in verify(pooled, lineage.operator.address).checks}
    draws = [sentence for name, sentence in said.items() if name.startswith("epoch") and name.endswith("draw")]
    assert [REPORT in sentence for sentence in draws] == [True, False]
    written = json.loads(open_envelope(pooled).payload)["predicate"]["epochs"]
    assert [part.get("attestation", "not written") for part in written] == [REPORT, "not written"]


def test_a_receipt_states_the_stake_that_counted_and_of_which_block(pooled: str, lineage: Any) -> None:
    said = {check.name: check.sentence for check in verify(pooled, lineage.operator.address).checks}
    draws = [sentence for name, sentence in said.items() if name.startswith("epoch") and name.endswith("draw")]
    worth = f"stood 400000 base units of stake at block {BLOCK}."
    assert [worth in sentence for sentence in draws] == [True, False], "two fifths of half a token at two dollars"
    written = json.loads(open_envelope(pooled).payload)["predicate"]["epochs"]
    assert [part.get("stake", "not written") for part in written] == [STAKE.model_dump(), "not written"]
    path = ("predicate", "epochs", 0, "stake", "block")
    report = reseal(pooled, lineage.operator, *path, value=BLOCK - 1)
    assert "draw" in {name.rpartition(": ")[2] for name in faults_of(report)}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_flipped_bit_anywhere_is_named_by_the_part_it_lies_in(pooled: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(pooled) - 1))
    flipped = chr(ord(pooled[place]) ^ (1 << data.draw(st.integers(0, 6))))
    report = verify(pooled[:place] + flipped + pooled[place + 1 :])
    assert not report.passed
    assert places(report) and places(report) <= parts_at(pooled, place), (flipped, report.faults)


def parts_at(sealed: str, place: int) -> set[str]:
    """The parts that the bits of one character of an honest receipt belong to."""
    begin, payload = len('{"payload":"'), open_envelope(sealed).payload
    end = begin + len(base64.b64encode(payload))
    if not begin <= place < end:
        return {"envelope", "signature"}
    chain, at = read_chain(payload)
    assert chain is not None
    spans, last = [], 0
    for link in chain.links:
        spans.append((last, last := last + link.size_bytes, link.name))
    assert last == at
    touched = {(place - begin) * 6 // 8, ((place - begin) * 6 + 5) // 8}
    found = {name for first, after, name in spans if any(first <= byte < after for byte in touched)}
    return found | ({"chain"} if any(byte >= at for byte in touched) else set())


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_a_flipped_bit_of_a_receipt_without_epochs_has_its_place_too(sealed: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(sealed) - 1))
    flipped = chr(ord(sealed[place]) ^ (1 << data.draw(st.integers(0, 6))))
    found = places(verify(sealed[:place] + flipped + sealed[place + 1 :]))
    assert found and found <= parts_at(sealed, place)


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("epochs", 0, "root"), "0" * 64, "root"),
        (("epochs", 0, "total"), 1, "root"),
        (("epochs", 0, "entries", 0, "units"), 1999, "root"),
        (("epochs", 0, "entries", 1, "units"), 3000, "root"),
        (("epochs", 0, "entries", 1, "root"), "0" * 64, "root"),
        (("epochs", 0, "entries", 0, "job_id"), "j" + "a" * 26, "root"),
        (("epochs", 1, "anchor", "block"), BLOCK, "beacon"),
        (("epochs", 1, "beacon", "block_hash"), "0" * 64, "beacon"),
        (("epochs", 1, "beacon", "reveals"), [], "beacon"),
        (("epochs", 1, "beacon", "reveals", 0, "value"), "0" * 64, "beacon"),
        (("epochs", 1, "beacon", "reveals", 0, "salt"), "0" * 64, "beacon"),
        (("epochs", 1, "beacon", "reveals", 0, "commit"), "0" * 64, "beacon"),
        (("epochs", 1, "beacon", "reveals", 0, "signature"), "0x" + "1" * 130, "beacon"),
        (("epochs", 1, "beacon", "reveals", 0, "time_ms"), NOW_MS + 1, "beacon"),
        (("epochs", 1, "beacon", "reveals", 0, "verifier"), ABSENT, "beacon"),
        (("epochs", 1, "beacon", "value"), "0" * 64, "seed"),
        (("epochs", 0, "number"), 9, "seed"),
        (("epochs", 0, "seed"), "1" * 64, "draw"),
        (("epochs", 0, "drawn"), [{"lease_id": derive_id("l", "early"), "segment": 0}], "draw"),
        (("epochs", 0, "audits", 0, "outcome"), "differed", "audits"),
        (("epochs", 0, "audits"), [], None),
        (("epochs",), [], "draw"),
        (("verdicts", 0, "epoch_id"), "x" + "a" * 26, "draw"),
        (("verdicts", 0, "block"), BLOCK + 1, "draw"),
        (("provenance", "materials"), [{"name": "model", "digest": "0" * 64}], "provenance"),
        (("provenance", "runs"), [], "provenance"),
        (("provenance", "runs", 0, "determinism_class"), "0" * 64, "provenance"),
        (("provenance", "code"), "0" * 64, "provenance"),
    ],
    ids=lambda part: ".".join(map(str, part)) if isinstance(part, tuple) else None,
)
def test_an_operator_that_lies_about_an_epoch_is_found_out(
    pooled: str, lineage: Any, path: tuple[object, ...], value: object, fault: str | None
) -> None:
    report = reseal(pooled, lineage.operator, "predicate", *path, value=value)
    assert not report.passed
    assert fault is None or fault in {name.rpartition(": ")[2] for name in faults_of(report)}, report.faults


def sealed_unproven(lineage: Any, counted: int | None, outcome: str, code: str, is_own: bool = False) -> Report:
    """A receipt of which a drawn segment could not be answered, unless none counts, and whose first lease ended so."""
    commits = [[s.event for s in said if hasattr(s.event, "commitment")] for _, said in lineage.leases]
    epochs = [epoch_over(each, number, k=3) for number, each in enumerate(commits, start=1)]
    verdicts = [pooled_verdict(*parts) for parts in zip(lineage.verdicts, commits, epochs, strict=True)]
    first, lease = epochs[0], verdicts[0].lease_id
    place = next(each for each in first.drawn if (each.lease_id == lease) == is_own)
    audits = tuple(a for a in first.audits if (a.lease_id, a.segment) != (place.lease_id, place.segment))
    finding = Finding(segment=0, method="epoch", passed=outcome == "passed", code=code, claimed=NO_DIGEST)
    verdicts[0] = verdicts[0].model_copy(update={"outcome": outcome, "findings": (finding,)})
    if counted is not None:
        unproven = UnprovenPart(segments=(place.model_dump(),), counted=counted, of=3, reasons={"command.failed": 3})
        epochs[0] = first.model_copy(update={"unproven": unproven, "audits": audits})
    return verify(
        seal(compose_from(lineage, verdicts=verdicts, epochs=epochs), lineage.operator), lineage.operator.address
    )


@pytest.mark.parametrize(
    ("counted", "outcome", "code", "is_own", "fault"),
    [
        (0, "passed", "replay.equal", False, None),
        (0, "rejected", UNCHECKED, False, "the seed does not say so"),
        (1, "passed", "replay.equal", True, "no verifier could answer stands for it"),
        (0, "rejected", UNPROVEN, True, None),
        (2, "rejected", UNPROVEN, True, "More segments are unproven"),
        (0, "rejected", UNPROVEN, False, "none of its segments is said to be unproven"),
        (None, "rejected", UNCHECKED, False, "for what its epoch does not name"),
        (None, "rejected", UNPROVEN, False, "for what its epoch does not name"),
    ],
)
def test_whom_unproven_segments_cost_their_pay_follows_from_the_seed(
    lineage: Any, counted: int | None, outcome: str, code: str, is_own: bool, fault: str | None
) -> None:
    report = sealed_unproven(lineage, counted, outcome, code, is_own)
    (check,) = (each for each in report.checks if each.name.endswith(": unproven"))
    assert check.passed == (fault is None), check.sentence
    assert (fault or "1 drawn segments could be answered by no verifier (3 by command.failed)") in check.sentence
    assert not any(each.name.endswith(": audits") and not each.passed for each in report.checks)


def test_every_other_draw_is_found_out(pooled: str, lineage: Any) -> None:
    """Whatever set of this job's segments an operator claims was drawn, only the true one passes."""
    body = json.loads(base64.b64decode(json.loads(pooled)["payload"]))
    true = {(each["lease_id"], each["segment"]) for each in body["predicate"]["epochs"][0]["drawn"]}
    own = [(derive_id("l", "early"), segment) for segment in (0, 1)]
    others = [each for each in true if each not in own]
    for choice in range(4):
        claimed = {place for bit, place in enumerate(own) if choice >> bit & 1} | set(others)
        drawn = [{"lease_id": lease, "segment": segment} for lease, segment in sorted(claimed)]
        report = reseal(pooled, lineage.operator, "predicate", "epochs", 0, "drawn", value=drawn)
        faults = {check.name for check in report.faults}
        assert any(name.endswith(": draw") for name in faults) == (claimed != true)


def test_an_equivocation_stands_in_the_receipt_as_it_was_signed(lineage: Any) -> None:
    granted, said = lineage.leases[1]
    commits = [each.event for each in said[:3]]
    twin = commits[2].model_copy(update={"state_out": "9" * 64, "commitment": "8" * 64})
    finding = Finding(
        segment=4, method="free", passed=False, code="commitment.equivocation", claimed=commits[2].state_out
    )
    changes = {"outcome": "rejected", "findings": (finding,), "drawn": (), "seed": NO_DIGEST}
    rejected = {
        "leases": (lineage.leases[0], (granted, said[:3])),
        "verdicts": (lineage.verdicts[0], lineage.verdicts[1].model_copy(update=changes)),
        "payouts": lineage.payouts[:1],
        "refunded": lineage.refunded + lineage.payouts[1].amount,
    }
    for doubled, is_proven in ((twin, True), (commits[2], False)):
        evidence = sign_event(key_of("late"), DOMAIN, doubled, doubled.provider, NOW_MS + 9)
        statement = compose_from(lineage, **rejected, doubled={granted.lease_id: [evidence]})
        assert verify(seal(statement, lineage.operator)).passed == is_proven


def test_an_audit_fee_is_part_of_the_sum(lineage: Any) -> None:
    less = tuple(payout.model_copy(update={"amount": payout.amount - 10, "fee": 10}) for payout in lineage.payouts)
    assert verify(seal(compose_from(lineage, payouts=less, fee=20), lineage.operator)).passed
    for fee, refunded in ((19, lineage.refunded), (19, lineage.refunded + 1)):
        report = verify(seal(compose_from(lineage, payouts=less, fee=fee, refunded=refunded), lineage.operator))
        assert [check.name for check in report.faults] == ["sum"]


def test_a_fee_is_within_what_the_lease_earned(lineage: Any) -> None:
    more = lineage.payouts[0].model_copy(update={"fee": 1})
    changes = {"payouts": (more, lineage.payouts[1]), "fee": 1, "refunded": lineage.refunded - 1}
    report = verify(seal(compose_from(lineage, **changes), lineage.operator))
    assert [check.name for check in report.faults] == [f"payout {more.lease_id}"]


def test_the_graph_leads_from_the_result_to_all_that_it_stands_on(pooled: str) -> None:
    graph = graph_of(pooled)
    ids = {node.id for node in graph.nodes}
    assert all({edge.source, edge.target} <= ids for edge in graph.edges)
    reached, ahead = set(), [graph.nodes[0].id]
    while ahead:
        at = ahead.pop()
        if at not in reached:
            reached.add(at)
            ahead += [edge.target for edge in graph.edges if edge.source == at]
    assert reached == ids
    kinds = {node.kind for node in graph.nodes}
    assert {"result", "order", "lease", "verdict", "epoch", "anchor", "beacon", "verifier", "payout"} <= kinds
    assert {"segment", "checkpoint", "class", "code"} <= kinds


def test_an_outside_script_walks_from_the_last_segment_to_the_first_and_to_what_computed_each(pooled: str) -> None:
    graph = graph_of(pooled)
    to = {(edge.source, edge.relation): edge.target for edge in graph.edges}
    segments = [node.id for node in graph.nodes if node.kind == "segment"]
    (at,) = set(segments) - {edge.target for edge in graph.edges if edge.relation == "follows"}
    walked = []
    while at:
        walked.append(at)
        assert (
            to[at, "closed by"] and to[at, "computed by"].startswith("code ") and to[at, "ran on"].startswith("class ")
        )
        at = to.get((at, "follows"), "")
    assert len(walked) == len(segments) == len(set(walked))
    assert len({to[each, "ran on"] for each in walked}) == 2


def test_commitments_of_one_lease_make_one_entry() -> None:
    commits = commits_of("early", fence=1, first=0, count=2, resume=None)
    part = epoch_over(commits, 1, k=2)
    assert part.entries[0].entry == epoch.range_of(commits, spec_digest(SPEC)).entry
    assert replace(part.entries[0].entry, fence=2) != part.entries[0].entry


@pytest.mark.parametrize("part", [EntryPart, SharePart, StakePart, UnprovenPart])
def test_a_part_that_is_an_events_own_value_shows_nothing_that_is_not_checked(part: type[Value]) -> None:
    assert part.model_config.get("extra") == "forbid"
    with pytest.raises(ValidationError, match="extra_forbidden"):
        part.model_validate({"praise": "best"})
