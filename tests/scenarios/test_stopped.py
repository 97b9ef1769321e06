"""Jobs that stop before they are done: by their deadline or by their requester, while waiting or while running."""

import pytest
from tests.network import REGION, SEGMENT_PRICE, SLOWLY, STEADY, Net, earned

from assay.schema.lease import LeaseVerified

pytestmark = pytest.mark.server

NOWHERE = "aq"
SEGMENTS = 2_000
WAITING = ["job.submitted requester", "job.funded settlement"]
RUNNING = [*WAITING, "job.matched matching", "job.started matching"]
LEASE = [
    "lease.granted matching",
    "lease.started steady",
    "lease.committed steady",
    "lease.lapsed matching",
    "lease.verified verification",
    "lease.paid settlement",
]


async def test_a_job_that_nobody_takes_expires(net: Net) -> None:
    before = await net.balances("requester")
    job_id = await net.submit(4, NOWHERE, deadline_s=6)
    job = await net.ended(job_id)
    assert net.story(job_id) == [*WAITING, "job.expired matching", "job.refunded settlement"]
    assert (job.state, job.paid, job.refunded) == ("refunded", 0, job.price_limit)
    assert await net.balances("requester") == before


async def test_a_running_job_expires_and_what_is_done_is_paid(net: Net) -> None:
    job_id = await net.submit(SEGMENTS, REGION[STEADY], deadline_s=20, params=SLOWLY)
    job = await net.ended(job_id)
    done = await verified(net, job_id)
    assert net.story(job_id) == [*RUNNING, "job.expired matching", "job.refunded settlement"]
    assert once(net.story(job.leases[0].lease_id)) == LEASE
    cost = done * SEGMENT_PRICE
    assert 0 < done < SEGMENTS and job.paid == earned(cost) and job.refunded == job.price_limit - cost


async def test_a_waiting_job_is_cancelled(net: Net) -> None:
    before = await net.balances("requester")
    job_id = await net.submit(4, NOWHERE)
    await net.until_said(job_id, "job.waiting")
    await net.assay.cancel(job_id)
    job = await net.ended(job_id)
    story = net.story(job_id)
    assert story == [*WAITING, "job.withdrawn requester", "job.cancelled matching", "job.refunded settlement"]
    assert (job.state, job.paid, job.refunded) == ("refunded", 0, job.price_limit)
    assert await net.balances("requester") == before


async def test_a_running_job_is_cancelled_and_what_is_done_is_paid(net: Net) -> None:
    before = await net.balances("requester")
    job_id = await net.submit(SEGMENTS, REGION[STEADY], params=SLOWLY)
    await net.until_said(job_id, "lease.committed", 5)
    await net.assay.cancel(job_id)
    job = await net.ended(job_id)
    done = await verified(net, job_id)
    story = net.story(job_id)
    assert story == [*RUNNING, "job.withdrawn requester", "job.cancelled matching", "job.refunded settlement"]
    assert once(net.story(job.leases[0].lease_id)) == LEASE
    cost = done * SEGMENT_PRICE
    assert 5 <= done < SEGMENTS and job.paid == earned(cost)
    assert await net.balances("requester") == before - cost


def once(story: list[str]) -> list[str]:
    """The story without what is told again: the last commitments may cross the word that the lease has lapsed."""
    return list(dict.fromkeys(story))


async def verified(net: Net, job_id: str) -> int:
    """How many segments of a job passed the audit; what was committed after its end counts for nothing."""
    (said,) = await net.until_said(job_id, "lease.verified")
    assert isinstance(said.event, LeaseVerified)
    return said.event.segments
