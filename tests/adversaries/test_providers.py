"""Hostile providers against the running network: what finds each, what it gained, and what it lost."""

import pytest
from tests.adversaries.conftest import NEAR, Tried
from tests.adversaries.hostile import BEHAVIOURS
from tests.adversaries.running import holdings
from tests.network import Net

from assay.schema.lease import OTHER_CLASS, LeaseRejected

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(600)]

MECHANISM: dict[str, set[str]] = {
    "lazy": {"commitment.broken"},
    "makes-up-one": {"segment.mismatch"},
    "makes-up-all": {"segment.mismatch"},
    "withholds": {"segment.withheld"},
    "foreign-checkpoint": {"segment.bad_checkpoint", "segment.wrong_checkpoint"},
    "equivocates": {"commitment.equivocation"},
    "wrong-result": {"segment.wrong_result"},
    "half-way": {"segment.mismatch"},
    "bfloat16": {"segment.mismatch"},
    "poison": {"segment.mismatch"},
    "chosen-data": {"segment.wrong_start", "segment.mismatch"},
    "half-batch": {"segment.mismatch"},
}


def test_every_behaviour_is_tried() -> None:
    assert set(BEHAVIOURS) == {*MECHANISM, *NEAR}


@pytest.mark.parametrize("name", MECHANISM)
async def test_is_found_gains_nothing_and_loses_stake(net: Net, tried: dict[str, Tried], name: str) -> None:
    job, before, after = tried[name].job, tried[name].before, tried[name].after
    assert (job.state, job.paid, job.refunded) == ("refunded", 0, job.price_limit)
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


async def test_nobody_honest_is_slashed(net: Net, tried: dict[str, Tried], honest: list[str]) -> None:
    slashed = {said.event.about for said in net.chronicle.said if said.event.type == "verifier.slashed"}
    assert not slashed & {net.party(name).id for name in honest}
    for name in honest:
        assert (await holdings(net, name)).stake > 0
