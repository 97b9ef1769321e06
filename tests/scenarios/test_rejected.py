"""A provider that cheats: the audit finds it, the requester gets everything back, the stake goes to the pool."""

import pytest
from tests.network import CHEAT, REGION, Net

from assay.schema.lease import LeaseRejected, LeaseSlashed

pytestmark = pytest.mark.server


async def test_a_cheat_is_slashed_and_the_requester_refunded(net: Net) -> None:
    chain, cheat = net.devnet.chain, net.party(CHEAT)
    requester, provider = await net.balances("requester"), await net.balances(CHEAT)
    stake, pool = await chain.stake_of(cheat.key.address), await chain.pool_balance()
    job_id = await net.submit(6, REGION[CHEAT])
    job = await net.ended(job_id)
    assert (job.state, job.paid, job.refunded) == ("refunded", 0, job.price_limit)
    assert net.story(job_id)[-3:] == [
        "job.executed matching",
        "job.rejected verification",
        "job.refunded settlement",
    ]
    slashed = await net.until_said(job_id, "lease.slashed")
    assert net.story(job.leases[0].lease_id)[-3:] == [
        "lease.executed cheat",
        "lease.rejected verification",
        "lease.slashed settlement",
    ]
    found = [said.event for said in net.chronicle.of(job_id) if isinstance(said.event, LeaseRejected)]
    assert [event.code for event in found] == ["commitment.broken"]
    event = slashed[0].event
    assert isinstance(event, LeaseSlashed) and event.amount > 0
    assert await chain.stake_of(cheat.key.address) == stake - event.amount
    assert await chain.pool_balance() == pool + event.amount
    assert (await net.balances("requester"), await net.balances(CHEAT)) == (requester, provider)
