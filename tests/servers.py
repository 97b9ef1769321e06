"""Real servers for tests: each is started once per session when the first test asks for it, in a folder that goes away.

`nats_server`, `postgres` and `evm` are the servers themselves, `servers` all three. A test that writes takes its own
piece of one: `database`, `make_schema`, `chain_url`, `nats_network`, `nats_core`. Where a server is not installed its
tests are skipped, but fail when CI is set.
"""

import asyncio
import itertools
import json
import os
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import nats
import pytest
from nats.aio.client import Client
from tests.memory import quick_folder

from assay.bus.accounts import Network, core_jwt, new_seed, public_key
from assay.devnet.errors import NotInstalled
from assay.devnet.evm import Evm
from assay.devnet.nats import Nats
from assay.devnet.postgres import Postgres
from assay.devnet.server import Server
from assay.devnet.servers import Servers
from assay.store import Store

MakeDatabase = Callable[..., Awaitable[str]]
MakeSchema = Callable[..., Awaitable[str]]
NUMBERS = itertools.count(1)
LEFT_S = 240.0


class Core(NamedTuple):
    """Where a service of a test's own CORE account connects, and with which credentials."""

    url: str
    creds_file: Path


@pytest.fixture(scope="session")
def servers_not_started() -> Iterator[Servers]:
    """The servers of this session, none of them running."""
    with quick_folder() as folder:
        yield Servers(folder, only=())


async def running(server: Server) -> None:
    """Start a server, or skip what needs it where it is not installed."""
    try:
        await server.start()
    except NotInstalled as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
async def nats_server(servers_not_started: Servers) -> AsyncIterator[Nats]:
    """NATS with JetStream and its accounts; `network`, `url`, `creds_file`, `kill` and `start` are of use."""
    await running(servers_not_started.nats)
    yield servers_not_started.nats
    await servers_not_started.nats.stop()


@pytest.fixture(scope="session")
async def postgres(servers_not_started: Servers) -> AsyncIterator[Postgres]:
    """Postgres; a test that writes takes `database` instead."""
    await running(servers_not_started.postgres)
    yield servers_not_started.postgres
    await servers_not_started.postgres.stop()


@pytest.fixture(scope="session")
async def evm(servers_not_started: Servers) -> AsyncIterator[Evm]:
    """An EVM node that mines at once; a test that writes takes `chain_url` instead."""
    await running(servers_not_started.evm)
    yield servers_not_started.evm
    await servers_not_started.evm.stop()


@pytest.fixture(scope="session")
def servers(servers_not_started: Servers, nats_server: Nats, postgres: Postgres, evm: Evm) -> Servers:
    """All three."""
    return servers_not_started


@pytest.fixture
async def make_database(postgres: Postgres) -> AsyncIterator[MakeDatabase]:
    """Makes a new database from a template and gives its DSN; all are dropped after the test."""
    made: list[str] = []
    admin = await asyncpg.connect(postgres.dsn)

    async def make(template: str = "template0") -> str:
        name = f"test_{next(NUMBERS)}"
        await admin.execute(f'create database "{name}" template "{template}" strategy wal_log')
        made.append(name)
        return postgres.dsn_of(name)

    yield make
    for name in reversed(made):
        await admin.execute(f'drop database "{name}" with (force)')
    await admin.close()


@pytest.fixture
async def database(make_database: MakeDatabase) -> str:
    """The DSN of an empty database of this test's own."""
    return await make_database()


@pytest.fixture(scope="session")
def templates() -> dict[tuple[str, Path | None], str]:
    """The databases that others are made from, by the service and its migrations."""
    return {}


@pytest.fixture
async def make_schema(
    postgres: Postgres, make_database: MakeDatabase, templates: dict[tuple[str, Path | None], str]
) -> MakeSchema:
    """Makes a new database with a service's schema, migrated where migrations are named, and gives its DSN."""

    async def make(service: str, migrations: Path | None = None) -> str:
        if (service, migrations) not in templates:
            templates[service, migrations] = await make_template(postgres, service, migrations)
        return await make_database(templates[service, migrations])

    return make


async def make_template(postgres: Postgres, service: str, migrations: Path | None) -> str:
    """The name of a new database with a service's schema: its migrations take longer than a copy."""
    name = f"template_{next(NUMBERS)}"
    admin = await asyncpg.connect(postgres.dsn)
    await admin.execute(f'create database "{name}" strategy wal_log')
    connection = await asyncpg.connect(postgres.dsn_of(name))
    await connection.execute(f'create schema "{service}"')
    await connection.close()
    if migrations:
        store = await Store.connect(postgres.dsn_of(name), service)
        await store.migrate(migrations)
        await store.close()
    # No copy is made of a database while somebody is in it, and a backend leaves after its client.
    async with asyncio.timeout(LEFT_S):
        while await admin.fetchval("select count(*) from pg_stat_activity where datname = $1", name):
            await asyncio.sleep(0.02)
    await admin.close()
    return name


@pytest.fixture
async def chain_url(evm: Evm) -> AsyncIterator[str]:
    """The node's URL; whatever the test does to the chain is undone after it."""
    before = await rpc(evm.url, "evm_snapshot")
    await set_clock(evm.url)
    yield evm.url
    assert await rpc(evm.url, "evm_revert", before)


async def set_clock(url: str) -> None:
    """Put the node's clock forward to ours: whatever is undone takes it back to when that was done."""
    await rpc(url, "evm_mine")
    late_s = int(time.time()) - int((await rpc(url, "eth_getBlockByNumber", "latest", False))["timestamp"], 16)
    if late_s > 0:
        await rpc(url, "evm_increaseTime", late_s)
        await rpc(url, "evm_mine")


async def rpc(url: str, method: str, *params: Any) -> Any:
    """What the node answers to a JSON-RPC call."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    question = urllib.request.Request(url, body, {"Content-Type": "application/json"})

    def ask() -> Any:
        with urllib.request.urlopen(question, timeout=120) as said:
            return json.load(said)

    answer = await asyncio.to_thread(ask)
    assert "error" not in answer, answer["error"]
    return answer["result"]


@pytest.fixture(scope="session")
async def nats_system(nats_server: Nats) -> AsyncIterator[Client]:
    """A connection that may push and revoke accounts."""
    creds = nats_server.creds_file("system", nats_server.network.system_creds())
    client = await nats.connect(nats_server.url, user_credentials=str(creds), max_reconnect_attempts=-1)
    yield client
    await client.close()


@pytest.fixture
async def nats_network(nats_server: Nats, nats_system: Client) -> AsyncIterator[Network]:
    """A network whose CORE account is this test's own: its streams and subjects are seen by no other test."""
    whole, core = nats_server.network, new_seed("account")
    own = replace(
        whole,
        core_seed=core,
        core_jwt=core_jwt(whole.signing_seed, public_key(core), whole.public, public_key(whole.sys_seed)),
    )
    await own.push(nats_system, own.core_jwt)
    yield own
    await own.revoke(nats_system, own.core_public)


@pytest.fixture
def nats_core(nats_server: Nats, nats_network: Network) -> Core:
    """URL and credentials of a user that may do everything in the test's own CORE account."""
    return Core(nats_server.url, nats_server.creds_file("core", nats_network.service_creds("test", [">"], [">"])))
