"""Jobs whose beginning hangs on others: no offer yet, no money, a provider that leaves by plan."""

import signal

import pytest
from tests.network import MORTAL, PRICE, REGION, SECOND, SEGMENT_PRICE, SLOWLY, Net, earned

from assay.devnet.parties import Party, Terms
from assay.schema.values import Role

pytestmark = pytest.mark.server

LATE = "late"
SEGMENTS = 100


async def test_a_job_waits_says_why_and_is_taken_by_the_first_offer_that_fits(net: Net) -> None:
    job_id = await net.submit(4, "no", price_limit=4 * SEGMENT_PRICE)
    await net.until_said(job_id, "job.waiting")
    why = await net.assay.why(job_id)
    assert why["state"] == "funded" and "region.other" in why["waiting"] and "region.other" in why["why"]
    party = Party.make(net.devnet.places.parties, LATE, Role.PROVIDER, Terms("no", PRICE, beat_s=0.3))
    await net.devnet.join(party)
    job = await net.ended(job_id)
    assert (job.state, job.paid) == ("settled", earned(4 * SEGMENT_PRICE))
    assert [net.name_of(lease.provider) for lease in job.leases] == [LATE]
    await net.devnet.supervisor.stop_one(LATE)


async def test_a_price_above_the_deposit_is_not_funded(net: Net) -> None:
    before = await net.balances("requester")
    deposit = (await net.holdings())["requester"]["deposit"]
    job_id = await net.submit(4, REGION[SECOND], price_limit=deposit + 1)
    job = await net.ended(job_id)
    assert net.story(job_id) == ["job.submitted requester", "job.unfunded settlement"]
    assert (job.state, job.leases, job.receipt) == ("unfunded", [], None)
    assert "assay wallet deposit" in (await net.assay.why(job_id))["why"]
    assert await net.balances("requester") == before


async def test_a_provider_that_leaves_by_plan_loses_no_segment(net: Net) -> None:
    await net.revive(MORTAL)
    job_id = await net.submit(SEGMENTS, REGION[MORTAL], REGION[SECOND], params=SLOWLY)
    await net.until_said(job_id, "lease.committed", 5)
    net.devnet.supervisor.kill(MORTAL, signal.SIGTERM)
    job = await net.ended(job_id)
    first, second = job.leases
    assert net.story(first.lease_id) == [
        "lease.granted matching",
        "lease.started mortal",
        "lease.committed mortal",
        "lease.released mortal",
        "lease.verified verification",
        "lease.paid settlement",
    ]
    assert "lease.lapsed" not in {said.event.type for said in net.chronicle.of(job_id)}
    assert [net.name_of(lease.provider) for lease in job.leases] == [MORTAL, SECOND]
    assert first.paid == earned(first.segments * SEGMENT_PRICE // 2)
    assert second.paid == earned(second.segments * SEGMENT_PRICE)
    commits = [said.event for said in net.chronicle.of(job_id) if said.event.type == "lease.committed"]
    assert sorted(commit.segment for commit in commits) == list(range(SEGMENTS))  # type: ignore[attr-defined]
    assert await net.exit_code(MORTAL) == 0
