"""A service says that it is not ready while a server it needs is gone, lives on, and is ready again when it is back."""

import asyncio

import pytest
from tests.integration.observing import get, port_of, until
from tests.network import REGION, STEADY, Net

from assay.devnet.environment import SERVICES
from assay.devnet.server import Server

pytestmark = pytest.mark.server


@pytest.mark.parametrize(("server", "problem"), [("nats", "no bus"), ("postgres", "no database")])
async def test_readiness_follows_the_servers_and_liveness_does_not(net: Net, server: str, problem: str) -> None:
    gone: Server = getattr(net.devnet.servers, server)
    pids = pids_of(net)
    await until(lambda: all_say(net, 200, "ready"), "every service to be ready")
    await gone.kill()
    try:
        await until(lambda: all_say(net, 503, problem), f"every service to say '{problem}'")
        live = await asyncio.gather(*(get(port_of(net.devnet, name), "/livez") for name in SERVICES))
        assert live == [(200, "alive")] * len(SERVICES)
    finally:
        await gone.start()
    await until(lambda: all_say(net, 200, "ready"), "every service to be ready again")
    assert pids_of(net) == pids
    job = await net.ended(await net.submit(3, REGION[STEADY]))
    assert job.state == "settled"


async def all_say(net: Net, status: int, text: str) -> bool:
    """Whether every service's /readyz says this."""
    said = await asyncio.gather(*(get(port_of(net.devnet, name), "/readyz") for name in SERVICES))
    return said == [(status, text)] * len(SERVICES)


def pids_of(net: Net) -> dict[str, int | None]:
    """The processes of the services: none of them is to be started again."""
    return {name: net.devnet.status()[name].pid for name in SERVICES}
