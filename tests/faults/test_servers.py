"""A server under the network is gone for a while in the middle of a job: it settles, nothing is lost or doubled."""

import pytest
from tests.faults.breaking import check_whole, in_the_middle
from tests.network import STEADY, Net

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.mark.parametrize("name", ["nats", "postgres"])
async def test_a_killed_server_loses_nothing(net: Net, name: str) -> None:
    server = getattr(net.devnet.servers, name)
    (job_id,) = await in_the_middle(net, STEADY)
    await server.kill()
    await server.start()
    await check_whole(net, job_id)


async def test_a_chain_that_is_away_makes_jobs_wait(net: Net) -> None:
    evm = net.devnet.servers.evm
    (job_id,) = await in_the_middle(net, STEADY)
    await evm.stop()
    await net.until_said(job_id, "job.executed")
    assert "job.verified" not in net.story(job_id)
    await evm.start()
    await check_whole(net, job_id)


async def test_a_chain_that_forgets_its_last_seconds_is_told_again(net: Net) -> None:
    evm = net.devnet.servers.evm
    (job_id,) = await in_the_middle(net, STEADY)
    await evm.kill()
    await evm.start()
    await check_whole(net, job_id)
