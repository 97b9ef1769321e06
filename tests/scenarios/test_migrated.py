"""A provider that dies half way: another carries on from the last commitment, and each is paid for what it did."""

import signal

import pytest
from tests.network import MORTAL, REGION, SECOND, SEGMENT_PRICE, SLOWLY, STEADY, Net, earned
from tests.scenarios.tuning import SEGMENTS, Tuned, order_tuning

from assay.schema.lease import LeaseGranted

pytestmark = pytest.mark.server

LINKS = 100
JOB = [
    "job.submitted requester",
    "job.funded settlement",
    "job.matched matching",
    "job.started matching",
    "job.interrupted matching",
    "job.matched matching",
    "job.started matching",
    "job.executed matching",
    "job.verified verification",
    "job.settled settlement",
]
KILLED = [
    "lease.granted matching",
    "lease.started mortal",
    "lease.committed mortal",
    "lease.lapsed matching",
    "lease.verified verification",
    "lease.paid settlement",
]


async def test_a_killed_providers_job_is_carried_on_by_another(net: Net) -> None:
    await net.revive(MORTAL)
    job_id = await net.submit(LINKS, REGION[MORTAL], REGION[SECOND], params=SLOWLY)
    await net.until_said(job_id, "lease.committed", 5)
    net.devnet.supervisor.kill(MORTAL, signal.SIGKILL)
    job = await net.ended(job_id)
    first, second = job.leases
    assert net.story(job_id) == JOB
    assert net.story(first.lease_id) == KILLED
    assert [net.name_of(lease.provider) for lease in job.leases] == [MORTAL, SECOND]
    assert second.first_segment == first.segments > 0 and first.segments + second.segments == LINKS
    assert first.paid == earned(first.segments * SEGMENT_PRICE // 2)
    assert second.paid == earned(second.segments * SEGMENT_PRICE)
    assert job.refunded == first.segments * SEGMENT_PRICE // 2


@pytest.mark.slow
async def test_a_model_whose_provider_was_killed_is_the_same_to_the_last_bit(net: Net, tuned: Tuned) -> None:
    await net.revive(MORTAL)
    job_id = await order_tuning(net, tuned.params["model"], tuned.text, REGION[MORTAL], REGION[STEADY])
    await net.until_said(job_id, "lease.committed", 2)
    net.devnet.supervisor.kill(MORTAL, signal.SIGKILL)
    job = await net.ended(job_id)
    assert [net.name_of(lease.provider) for lease in job.leases] == [MORTAL, STEADY]
    assert 0 < job.leases[0].segments < SEGMENTS
    resume = [said.event.resume for said in net.chronicle.of(job_id) if isinstance(said.event, LeaseGranted)][1]
    assert resume is not None and resume.segment == job.leases[0].segments - 1
    assert states(net, job_id) == states(net, tuned.job_id)
    assert job.result == (await net.assay.job(tuned.job_id)).result


def states(net: Net, job_id: str) -> list[str]:
    """The state after each segment of a job."""
    commits = [said.event for said in net.chronicle.of(job_id) if said.event.type == "lease.committed"]
    return [commit.state_out for commit in sorted(commits, key=lambda commit: commit.segment)]  # type: ignore[attr-defined]
