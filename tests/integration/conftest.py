"""The shared network with every job traced, for the tests that look at traces."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.integration.observing import Collector, collecting
from tests.network import Net

from assay.devnet.environment import SERVICES


@pytest.fixture(scope="session")
async def collector(net: Net) -> AsyncIterator[Collector]:
    """A receiver of all spans; the services are started again to send them, and once more to leave it."""
    processes = {name: net.devnet.supervisor.tasks[name].process for name in SERVICES}
    before = {name: process.env for name, process in processes.items()}
    with collecting() as collector:
        for name, process in processes.items():
            prefix = f"ASSAY_{name.upper()}_"
            process.env = {**before[name], f"{prefix}OTLP_ENDPOINT": collector.url, f"{prefix}TRACE_RATIO": "1"}
        await start_again(net)
        yield collector
        for name, process in processes.items():
            process.env = before[name]
        await start_again(net)


async def start_again(net: Net) -> None:
    """Stop all services in order, each having drained, and start them."""
    codes = await asyncio.gather(*map(net.devnet.supervisor.stop_one, SERVICES))
    assert codes == [0] * len(SERVICES)
    await asyncio.gather(*map(net.devnet.supervisor.start_one, SERVICES))
