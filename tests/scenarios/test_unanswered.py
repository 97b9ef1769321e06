"""An order that no verifier can answer: it comes to an end, unpaid, and nobody is slashed."""

import time

import pytest
from tests.network import PRICE, REGION, SECOND, Net

from assay.schema.audit import AuditOverruled, AuditUpheld
from assay.schema.epoch import EpochPassed
from assay.schema.lease import UNPROVEN, LeaseRejected
from assay.workloads.registry import offerable

pytestmark = pytest.mark.server

SOON_S = 30
"""A provider is to have begun by then."""
ONCE = "test $(date +%s) -lt {until} || exit 3; while test $(date +%s) -lt {until}; do sleep 1; done; echo done"
"""A program that reads the clock: whoever begins later than its provider fails."""


async def money(net: Net) -> list[int]:
    """What requester and provider have."""
    return [await net.balances(name) for name in ("requester", SECOND)]


async def test_a_command_that_fails_on_every_verifier_is_refunded_and_nobody_slashed(net: Net) -> None:
    if "command" not in offerable():
        pytest.skip("this machine lets nobody have a box: no landlock, or no user namespaces")
    provider = net.party(SECOND)
    stake, before = await net.devnet.chain.stake_of(provider.key.address), await money(net)
    program = ONCE.format(until=int(time.time()) + SOON_S)
    params = {"command": ["sh", "-c", program], "segments": 1, "time_s": 120}
    limit = 4 * 120_000 * PRICE // 1_000_000
    job_id = await net.order("command", params, (REGION[SECOND],), price_limit=limit)
    job = await net.ended(job_id, within_s=240.0)
    assert (job.state, job.committed, job.paid, job.audited, job.refunded) == ("refunded", 1, 0, 0, job.price_limit)
    said = [each.event for each in net.chronicle.of(job_id)]
    assert [event.code for event in said if isinstance(event, LeaseRejected)] == [UNPROVEN]
    (epoch,) = job.epochs
    (ended,) = (
        each.event
        for each in net.chronicle.said
        if isinstance(each.event, EpochPassed) and each.event.epoch_id == epoch.epoch_id
    )
    assert ended.unproven is not None and ended.unproven.counted == ended.unproven.of == 1
    assert ended.unproven.reasons == epoch.unproven
    # Each of the three declines twice, at least: who is late once is asked again.
    assert list(epoch.unproven) == ["command.failed"] and (declined := epoch.unproven["command.failed"]) >= 6
    why = (await net.assay.why(job_id))["why"]
    assert "No verifier could answer a drawn segment of it" in why and f"{declined} by command.failed" in why
    assert not any(isinstance(e, AuditUpheld | AuditOverruled) and e.epoch_id == epoch.epoch_id for e in said)
    assert await net.devnet.chain.stake_of(provider.key.address) == stake
    assert await money(net) == before
