"""A provider that cheats: the audit finds it, the requester gets everything back, the stake goes to the pool."""

from typing import Any

import pytest
from tests.e2e.command import assay as command
from tests.network import CHEAT, REGION, Net

from assay.devnet.parties import Party
from assay.proof.digest import blob_digest
from assay.schema.lease import LeaseRejected, LeaseSlashed
from assay.schema.slash import SlashProposed

pytestmark = pytest.mark.server
BURNED_PART = 5
"""One in so many tokens of a slash is burned; the rest is the pool's."""


async def slash_of(net: Net, cheat: Party, evidence: str) -> dict[str, Any]:
    """What the command line shows of the accusation that rests on this statement."""
    said = [said.event for said in net.chronicle.said if isinstance(said.event, SlashProposed)]
    (which,) = [event.accusation for event in said if event.evidence == evidence]
    return (await command("slash", "show", which, "--json", profile=cheat.folder)).json


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
    rejected = next(said for said in net.chronicle.of(job_id) if isinstance(said.event, LeaseRejected))
    shown = await slash_of(net, cheat, blob_digest(rejected.data))
    assert shown["phase"] == "executed" and shown["evidence"]["statement"]["text"] == rejected.data.decode()
    event = slashed[0].event
    assert isinstance(event, LeaseSlashed) and event.amount > 0
    assert await chain.stake_of(cheat.key.address) == stake - event.amount
    assert await chain.pool_balance() == pool + event.amount - event.amount // BURNED_PART
    assert (await net.balances("requester"), await net.balances(CHEAT)) == (requester, provider)
