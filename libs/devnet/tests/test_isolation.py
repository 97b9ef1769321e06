"""Tests that share a server do not see what another one did to it: each test here would fail after its twin."""

import asyncpg
import nats
import pytest
from tests.servers import rpc

pytestmark = pytest.mark.server
ACCOUNT = "0x" + "5a" * 20
TWICE = pytest.mark.parametrize("time", ["first", "second"])


@TWICE
async def test_a_database_is_empty(database, time):
    client = await asyncpg.connect(database)
    await client.execute("create table mine (number int)")
    await client.close()


async def test_a_database_is_made_from_a_template(make_database):
    template = await make_database()
    client = await asyncpg.connect(template)
    await client.execute("create table mine (number int)")
    await client.close()
    name = template.partition("@/")[2].partition("?")[0]
    client = await asyncpg.connect(await make_database(template=name))
    assert await client.fetchval("select count(*) from mine") == 0
    await client.close()


@TWICE
async def test_a_chain_is_as_it_was(chain_url, time):
    assert await rpc(chain_url, "eth_getBalance", ACCOUNT, "latest") == "0x0"
    await rpc(chain_url, "anvil_setBalance", ACCOUNT, "0x1")


@TWICE
async def test_a_core_has_no_streams(nats_core, time):
    client = await nats.connect(nats_core.url, user_credentials=str(nats_core.creds_file))
    stream = client.jetstream()
    assert await stream.streams_info() == []
    await stream.add_stream(name="JOBS", subjects=["assay.job.>"])
    await client.close()
