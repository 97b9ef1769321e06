"""A worker that is killed: its closed connection tells, long before its silence would, and another one carries on."""

import signal

import pytest
from tests.network import MORTAL, REGION, SECOND, SLOWLY, Net

from assay.matching.liveness import CUT_OFF

pytestmark = [pytest.mark.server, pytest.mark.slow]

SEGMENTS = 60


async def test_a_killed_worker_is_missed_by_its_closed_line(net: Net) -> None:
    await net.revive(MORTAL)
    job_id = await net.submit(SEGMENTS, REGION[MORTAL], REGION[SECOND], params=SLOWLY)
    await net.until_said(job_id, "lease.committed", 5)
    net.devnet.supervisor.kill(MORTAL, signal.SIGKILL)
    (lapsed,) = await net.until_said(job_id, "lease.lapsed")
    assert lapsed.event.reason == CUT_OFF.reason  # type: ignore[attr-defined]
    job = await net.ended(job_id)
    assert [net.name_of(lease.provider) for lease in job.leases] == [MORTAL, SECOND]
    assert job.state == "settled"
