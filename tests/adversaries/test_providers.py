"""Hostile providers against the running network: what finds each, what it gained, and what it lost."""

import json
from collections import defaultdict
from pathlib import Path

import pytest
from tests.adversaries.behaviours import BEHAVIOURS
from tests.adversaries.conftest import LATER, NEAR, PAID, SEGMENTS, SYBILS, UNSEEN, WITHIN_S, Tried
from tests.adversaries.evasive import GUESS, HITS
from tests.adversaries.forged_classes import NOBODYS
from tests.adversaries.running import LEAVING, REGIONS, heard_in
from tests.calibrated import CALIBRATED, WORST
from tests.holdings import holdings
from tests.network import SEGMENT_PRICE, STEADY, UNITS, Net, earned

from assay.client.sdk import Assay
from assay.proof.calibration import HEADROOM
from assay.proof.replay import Replay
from assay.proof.reputation import reputation_of
from assay.schema.audit import AuditUpheld
from assay.schema.epoch import EpochAnchored, EpochCommitted, EpochDrawn
from assay.schema.lease import OTHER_CLASS, LeaseCommitted, LeaseFailed, LeaseRejected
from assay.schema.values import Policy, Requirements
from assay.schema.verdict import VerdictReached
from assay.verification.methods.method import WITHIN
from assay.verification.methods.replay import TOLERANCE

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(1200)]

MECHANISM: dict[str, set[str]] = {
    "lazy": {"commitment.broken"},
    "makes-up-one": {"segment.mismatch"},
    "makes-up-all": {"segment.mismatch"},
    "foreign-checkpoint": {"segment.bad_checkpoint", "segment.wrong_checkpoint"},
    "equivocates": {"commitment.equivocation"},
    "wrong-result": {"segment.wrong_result"},
    "half-way": {"segment.mismatch"},
    "bfloat16": {"segment.mismatch"},
    "poison": {"segment.mismatch"},
    "chosen-data": {"segment.wrong_start", "segment.mismatch"},
    "half-batch": {"segment.mismatch"},
    "false-trace": {"trace.wrong_operator"},
    "int8-tuning": {"segment.mismatch"},
    "int8-answers": {"segment.wrong_states"},
    "right-sketches": {"segment.wrong_tokens"},
    "other-lines": {"segment.wrong_history"},
    "hands-over": {"segment.bad_checkpoint"},
    "blows-up": {"segment.mismatch"},
    "forged-class": {"segment.mismatch"},
    "noise-calibrated": {"segment.mismatch"},
    "withholds-trace": {"segment.withheld"},
    "unsealed": {"segment.withheld"},
    "grinds": {"segment.mismatch"},
    "dead-end": {"segment.bad_checkpoint"},
    **{name: {"segment.mismatch"} for name in SYBILS},
    "exits": {"segment.mismatch"},
    "buys-its-lies": {"segment.mismatch"},
}


def test_every_behaviour_is_tried() -> None:
    assert set(BEHAVIOURS) == {*MECHANISM, *NEAR, *UNSEEN, *LEAVING, *PAID, *LATER}


@pytest.mark.parametrize("name", MECHANISM)
async def test_is_found_gains_nothing_and_loses_stake(net: Net, tried: dict[str, Tried], name: str) -> None:
    job, before, after = tried[name].job, tried[name].before, tried[name].after
    assert (job.state, job.paid, job.audited + job.refunded) == ("refunded", 0, job.price_limit)
    found = [said.event for said in net.chronicle.of(job.job_id) if isinstance(said.event, LeaseRejected)]
    assert {event.code for event in found} <= MECHANISM[name] and found
    assert after.stable <= before.stable
    assert after.stake < before.stake


@pytest.mark.parametrize("name", NEAR)
def test_bits_that_are_not_those_of_the_stated_class_are_not_paid_and_not_slashed(
    net: Net, tried: dict[str, Tried], name: str
) -> None:
    job, before, after = tried[name].job, tried[name].before, tried[name].after
    assert (job.state, job.paid, after.stake) == ("refunded", 0, before.stake)
    found = [said.event for said in net.chronicle.of(job.job_id) if isinstance(said.event, LeaseRejected)]
    assert {event.code for event in found} == {OTHER_CLASS}


@pytest.mark.parametrize("name", UNSEEN)
def test_noise_within_the_tolerance_of_unlike_machines_is_paid_and_saves_nothing(
    net: Net, tried: dict[str, Tried], name: str
) -> None:
    job, before, after = tried[name].job, tried[name].before, tried[name].after
    assert (job.state, after.stake, after.stable - before.stable) == ("settled", before.stake, job.paid)
    said = [said.event for said in net.chronicle.of(job.job_id)]
    assert {event.machine for event in said if isinstance(event, LeaseCommitted)} == {NOBODYS}
    found = [finding for event in said if isinstance(event, VerdictReached) for finding in event.findings]
    replayed = [finding for finding in found if finding.method == "replay"]
    assert [finding.code for finding in replayed] == [WITHIN]
    assert all(0 < (finding.distance or 0) <= TOLERANCE for finding in replayed)


@pytest.mark.parametrize("name", ["withholds-trace", "unsealed"])
def test_what_is_withheld_costs_a_tenth_of_the_stake(tried: dict[str, Tried], name: str) -> None:
    before, after = tried[name].before, tried[name].after
    assert 10 * after.stake == 9 * before.stake


def test_a_calibration_finds_the_noise_that_passes_between_classes_of_which_nobody_measured(
    net: Net, tried: dict[str, Tried]
) -> None:
    said = [event.event for event in net.chronicle.of(tried["noise-calibrated"].job.job_id)]
    assert {event.machine for event in said if isinstance(event, LeaseCommitted)} == {CALIBRATED}
    found = [finding for event in said if isinstance(event, VerdictReached) for finding in event.findings]
    apart = [finding.distance or 0 for finding in found if finding.method == "replay"]
    assert apart and all(HEADROOM * WORST < distance <= TOLERANCE for distance in apart)


@pytest.mark.parametrize(("name", "segments"), [("withholds-checkpoint", 0), ("drops", 1)])
def test_what_is_not_committed_is_not_paid_and_another_finishes_it(
    net: Net, tried: dict[str, Tried], name: str, segments: int
) -> None:
    job, before, after = tried[name].job, tried[name].before, tried[name].after
    assert job.state == "settled"
    left, finished = job.leases
    assert (left.provider, finished.provider) == (net.party(name).id, net.party(STEADY).id)
    assert (left.segments, finished.segments) == (segments, SEGMENTS - segments)
    assert left.paid == after.stable - before.stable == earned(segments * SEGMENT_PRICE // 2)
    assert after.stake == before.stake
    account = Replay.of(said.event for said in net.chronicle.said).accounts()[net.party(name).key.address]
    assert account.dropped == 1 and account.reputation < reputation_of(account.verified, 0)


def test_who_takes_over_what_is_false_says_so_and_is_not_to_blame(net: Net, tried: dict[str, Tried]) -> None:
    left, took_over = tried["hands-over"].job.leases
    assert (left.provider, took_over.provider) == (net.party("hands-over").id, net.party(STEADY).id)
    said = [event.event for event in net.chronicle.of(tried["hands-over"].job.job_id)]
    assert [(e.provider, e.code) for e in said if isinstance(e, LeaseFailed)] == [
        (took_over.provider, "job.false_checkpoint")
    ]
    assert {e.provider for e in said if isinstance(e, LeaseRejected)} == {left.provider}


async def test_a_checkpoint_that_is_not_stored_is_not_committed_to(net: Net, tried: dict[str, Tried]) -> None:
    async with Assay.connect(net.devnet.profile("withholds-checkpoint")) as sender:
        refused = {(row["event_type"], row["code"]) for row in (await sender.door.ask("refusals", {}))["refusals"]}
    assert ("lease.committed", "blob.missing") in refused


def test_who_grinds_its_root_has_guessed_a_beacon_that_did_not_exist(
    net: Net, tried: dict[str, Tried], farm: Path
) -> None:
    guess, lease = json.loads((farm / GUESS).read_text()), tried["grinds"].job.leases[0].lease_id
    said = [envelope.event for envelope in net.chronicle.said]
    (committed,) = [e for e in said if isinstance(e, EpochCommitted) and lease in {x.lease_id for x in e.entries}]
    (anchored,) = [e for e in said if isinstance(e, EpochAnchored) and e.epoch_id == committed.epoch_id]
    (drawn,) = [e for e in said if isinstance(e, EpochDrawn) and e.epoch_id == committed.epoch_id]
    # It found what it was looking for: by its guess at most one of its false segments is drawn.
    assert guess["hits"] <= HITS and guess["root"] == committed.root
    assert drawn.beacon != guess["beacon"] and drawn.block > anchored.block
    bound = {(share.verifier, share.commit) for share in committed.shares}
    assert drawn.revealed and {(share.verifier, share.commit) for share in drawn.revealed} <= bound


def test_a_verifier_without_memory_is_replaced_and_nobody_is_blamed(
    net: Net, tried: dict[str, Tried], farm: Path
) -> None:
    heard = heard_in(net, farm)
    assert heard["starved", "audit.assigned"] >= heard["starved", "sandbox.memory"] > 0
    assert not heard["starved", "audit.overruled"]


async def test_nobody_honest_is_slashed(net: Net, tried: dict[str, Tried], honest: list[str]) -> None:
    slashed = {said.event.about for said in net.chronicle.said if said.event.type == "verifier.slashed"}
    assert not slashed & {net.party(name).id for name in honest}
    for name in honest:
        assert (await holdings(net, name)).stake > 0


async def test_a_replicated_claim_falls_by_the_quorum_of_all_who_were_asked_at_once(
    net: Net, tried: dict[str, Tried]
) -> None:
    name, before = "makes-up-one", await holdings(net, "makes-up-one")
    policy, needs = Policy(audit_segments=SEGMENTS, method="replication"), Requirements(regions=(REGIONS[name],))
    params, limit = {"segments": SEGMENTS, "units_per_segment": UNITS}, 6 * SEGMENTS * SEGMENT_PRICE
    job_id = await net.assay.submit("noop", params, requirements=needs, policy=policy, price_limit=limit)
    job = await net.ended(job_id, WITHIN_S)
    await net.until_said(job_id, "lease.slashed")
    assert (job.state, job.paid, job.audited + job.refunded) == ("refunded", 0, limit)
    upheld = [said.event for said in net.chronicle.said if isinstance(said.event, AuditUpheld)]
    false = [audit for audit in upheld if audit.lease_id == job.leases[0].lease_id and not audit.agreed]
    assert {audit.method for audit in false} == {"replication"}
    assert {segment: len(verifiers) for segment, verifiers in by_segment(false).items()} == {1: 3}
    assert (await holdings(net, name)).stake < before.stake


def by_segment(audits: list[AuditUpheld]) -> dict[int | None, set[str]]:
    """Who answered about each segment."""
    found: defaultdict[int | None, set[str]] = defaultdict(set)
    for audit in audits:
        found[audit.segment].add(audit.verifier)
    return found
