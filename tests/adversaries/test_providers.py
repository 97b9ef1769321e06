"""Hostile providers against the running network: what finds each, what it gained, and what it lost."""

import pytest
from tests.adversaries.behaviours import BEHAVIOURS
from tests.adversaries.conftest import NEAR, SEGMENTS, UNSEEN, WITHIN_S, Tried
from tests.adversaries.forged_classes import NOBODYS
from tests.adversaries.running import REGIONS
from tests.holdings import holdings
from tests.network import SEGMENT_PRICE, UNITS, Net

from assay.schema.audit import AuditUpheld
from assay.schema.lease import OTHER_CLASS, LeaseCommitted, LeaseRejected
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
    "forged-class": {"segment.mismatch"},
}


def test_every_behaviour_is_tried() -> None:
    assert set(BEHAVIOURS) == {*MECHANISM, *NEAR, *UNSEEN}


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
    assert {audit.method for audit in false} == {"replication"} and len({audit.verifier for audit in false}) == 3
    assert (await holdings(net, name)).stake < before.stake
