"""The talk of two participants, tried against the real server."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from assay.bus.accounts import Network
from assay.bus.talk import Talk, open_talk, talk_creds
from assay.devnet.nats import Nats
from assay.schema.values import Role

pytestmark = pytest.mark.server
WITHIN_S = 10.0


@pytest.fixture
async def sides(nats_server: Nats) -> AsyncIterator[dict[tuple[Role, str], Talk]]:
    """Both sides of two leases."""
    network: Network = nats_server.network
    opened = {
        (role, lease): await open_talk(
            nats_server.url, talk_creds(network.talk_seed, role, lease, int(time.time())), lease, role
        )
        for role in (Role.REQUESTER, Role.PROVIDER)
        for lease in ("l1", "l2")
    }
    yield opened
    for talk in opened.values():
        await talk.close()


async def test_the_two_sides_of_a_lease_talk_and_no_other_lease_hears(sides: dict[tuple[Role, str], Talk]) -> None:
    heard: asyncio.Queue[tuple[Role, str, str, bytes]] = asyncio.Queue()

    def into(role: Role, lease: str):
        async def hear(caller: str, data: bytes) -> None:
            heard.put_nowait((role, lease, caller, data))

        return hear

    for (role, lease), talk in sides.items():
        await talk.hear(into(role, lease))
    requester, provider = sides[Role.REQUESTER, "l1"], sides[Role.PROVIDER, "l1"]
    await requester.say(b"asked", "me")
    assert await asyncio.wait_for(heard.get(), WITHIN_S) == (Role.PROVIDER, "l1", "me", b"asked")
    await provider.say(b"told", "me")
    assert await asyncio.wait_for(heard.get(), WITHIN_S) == (Role.REQUESTER, "l1", "me", b"told")
    # What a side says under another lease's name, or as the other side, the server does not take.
    forged = sides[Role.REQUESTER, "l2"]
    forged._publish = "talk.l1.asked."
    await forged.say(b"forged", "me")
    forged._publish = "talk.l2.told."
    await forged.say(b"forged", "me")
    await requester.say(b"last", "me")
    assert (await asyncio.wait_for(heard.get(), WITHIN_S))[3] == b"last"
    assert heard.empty()
