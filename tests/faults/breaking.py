"""When to break something, and what must be true of the job that was under way."""

from typing import Final

from tests.network import REGION, SEGMENT_PRICE, SLOWLY, Net, earned

SEGMENTS: Final = 80
MIDDLE: Final = 8


async def in_the_middle(net: Net, *names: str) -> list[str]:
    """The ids of jobs of these providers, all well under way."""
    jobs = [await net.submit(SEGMENTS, REGION[name], params=SLOWLY) for name in names]
    for job_id in jobs:
        await net.until_said(job_id, "lease.committed", MIDDLE)
        assert "job.executed" not in net.story(job_id)
    return jobs


async def check_whole(net: Net, job_id: str) -> None:
    """The job is settled, each of its segments was committed once and is paid."""
    job = await net.ended(job_id)
    assert job.state == "settled", net.story(job_id)
    done = [said.event.segment for said in await net.until_said(job_id, "lease.committed", job.segments)]  # type: ignore[attr-defined]
    assert sorted(done) == list(range(job.segments))
    assert (job.price_limit, job.refunded) == (SEGMENTS * SEGMENT_PRICE, 0)
    assert job.paid == earned(job.price_limit)
