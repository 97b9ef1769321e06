"""A service is killed in the middle of two jobs at once: both settle, nothing is lost, nothing happens twice."""

import signal

import pytest
from tests.faults.breaking import check_whole, in_the_middle
from tests.network import SECOND, STEADY, Net

from assay.devnet.environment import SERVICES

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.mark.parametrize("service", SERVICES)
async def test_a_killed_service_loses_nothing(net: Net, service: str) -> None:
    restarts = net.devnet.status()[service].restarts
    jobs = await in_the_middle(net, STEADY, SECOND)
    net.devnet.supervisor.kill(service, signal.SIGKILL)
    for job_id in jobs:
        await check_whole(net, job_id)
    assert net.devnet.status()[service].restarts > restarts
