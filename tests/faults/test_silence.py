"""A provider that is frozen longer than its lease lasts, and wakes up: the fence keeps its late words out."""

import signal

import pytest
from tests.network import MORTAL, REGION, SECOND, SEGMENT_PRICE, SLOWLY, Net, earned

from assay.client.sdk import Assay
from assay.schema.lease import LeaseVerified

pytestmark = [pytest.mark.server, pytest.mark.slow]

SEGMENTS = 100
TRIES = 5
"""One that hears of its loss before it speaks says nothing late."""


async def test_a_provider_that_wakes_up_too_late_is_refused_by_the_fence(net: Net) -> None:
    for _ in range(TRIES):
        if codes := await late_words(net):
            break
    assert codes == {"fence.stale"}


async def late_words(net: Net) -> set[str]:
    """What a provider is refused for that was frozen while its lease was given to another, which ends the job well."""
    await net.revive(MORTAL)
    job_id = await net.submit(SEGMENTS, REGION[MORTAL], REGION[SECOND], params=SLOWLY)
    await net.until_said(job_id, "lease.committed", 5)
    net.devnet.supervisor.kill(MORTAL, signal.SIGSTOP)
    await net.until_said(job_id, "job.interrupted")
    net.devnet.supervisor.kill(MORTAL, signal.SIGCONT)
    (granted, *_) = await net.until_said(job_id, "lease.granted")
    job = await net.ended(job_id)
    paid = {said.event.lease_id: said.event.segments for said in net.chronicle.of(job_id) if is_verified(said.event)}  # type: ignore[attr-defined]
    first, second = job.leases
    assert [net.name_of(lease.provider) for lease in job.leases] == [MORTAL, SECOND]
    assert paid[first.lease_id] + paid[second.lease_id] == SEGMENTS
    assert first.paid == earned(paid[first.lease_id] * SEGMENT_PRICE // 2)
    assert second.paid == earned(paid[second.lease_id] * SEGMENT_PRICE)
    assert net.devnet.status()[MORTAL].state == "running"
    return await refused_to(net, MORTAL, granted.time_ms)


def is_verified(event: object) -> bool:
    return isinstance(event, LeaseVerified)


async def refused_to(net: Net, name: str, since_ms: int) -> set[str]:
    """The codes with which a provider's words of leases were refused since then."""
    async with Assay.connect(net.devnet.profile(name)) as provider:
        rows = (await provider.door.ask("refusals", {}))["refusals"]
    return {row["code"] for row in rows if row["event_type"].startswith("lease.") and row["at_ms"] >= since_ms}
