"""The bus in both of its forms, with the streams made, and a participant's door to each."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from nats.aio.client import Client

from assay.bus import Bus, Door, JetStreamBus, MemoryBus, Record, connect, connect_participant
from assay.bus.accounts import Network
from assay.bus.api import call
from assay.schema.streams import STREAMS

FORMS = ["memory", pytest.param("nats", marks=pytest.mark.server)]
ACCOUNT = "APARTICIPANT"

MakeDoor = Callable[[], Awaitable[tuple[Door, str]]]


@pytest.fixture
async def memory_bus() -> AsyncIterator[MemoryBus]:
    """The twin."""
    bus = MemoryBus()
    await bus.ensure_streams(STREAMS)
    yield bus
    await bus.close()


@pytest.fixture
async def nats_bus(nats_core: Any) -> AsyncIterator[JetStreamBus]:
    """A real server's core account of this test's own."""
    bus = await connect(nats_core.url, nats_core.creds_file, "test")
    await bus.ensure_streams(STREAMS)
    yield bus
    # Each stream reserves its largest size on the server's disk.
    names = (await call(bus.nc, "STREAM.NAMES"))["streams"]
    await asyncio.gather(*(call(bus.nc, f"STREAM.DELETE.{name}") for name in names))
    await bus.close()


@pytest.fixture(params=FORMS)
def bus(request: pytest.FixtureRequest) -> Bus:
    """Each form of the bus in turn."""
    found: Bus = request.getfixturevalue(f"{request.param}_bus")
    return found


@pytest.fixture
async def memory_door(memory_bus: MemoryBus) -> AsyncIterator[tuple[Bus, Door, str]]:
    """The twin with a participant's door to it, and the account's token."""
    door = Door(memory_bus.account(ACCOUNT))
    yield memory_bus, door, ACCOUNT
    await door.close()


@pytest.fixture
async def nats_door(
    nats_bus: JetStreamBus, nats_network: Network, nats_server: Any, nats_system: Client
) -> AsyncIterator[tuple[Bus, Door, str]]:
    """A real core account with the door of a provider's account to it, and the account's token."""
    grant = nats_network.grant("provider", "p1")
    await nats_network.push(nats_system, grant.account_jwt)
    creds = nats_server.creds_file(grant.account_public, grant.creds_text)
    door = await connect_participant(nats_server.url, creds, "p1")
    yield nats_bus, door, grant.account_public
    await door.close()


@pytest.fixture(params=FORMS)
def core_and_door(request: pytest.FixtureRequest) -> tuple[Bus, Door, str]:
    """Each form of the bus with a participant's door to it, and the account's token."""
    found: tuple[Bus, Door, str] = request.getfixturevalue(f"{request.param}_door")
    return found


@pytest.fixture
def records() -> Callable[..., list[Record]]:
    """Makes records `first` to `last` of an entity's event by an actor."""

    def make(last: int, first: int = 1, event: str = "job.submitted", actor: str = "r1") -> list[Record]:
        return [
            Record(f"e{event}{n}", f"assay.{event}.{actor}.j{n}", {"ce-id": f"e{event}{n}"}, b"%d" % n)
            for n in range(first, last + 1)
        ]

    return make
