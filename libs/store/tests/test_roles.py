"""Each service has a role that reaches its own schema and nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from assay.schema.errors import Unreachable
from assay.store import provision
from assay.store.roles import as_role, in_database
from assay.store.store import Store

pytestmark = pytest.mark.server

DATABASE = "provisioned"
SERVICES = ("discovery", "matching")


@pytest.fixture
async def dsns(postgres: Any) -> AsyncIterator[dict[str, str]]:
    """A provisioned database; it and its roles are dropped after the test."""
    yield await provision(postgres.dsn, SERVICES, database=DATABASE)
    admin = await asyncpg.connect(postgres.dsn)
    await admin.execute(f"drop database {DATABASE} with (force)")
    for service in SERVICES:
        await admin.execute(f"drop role assay_{service}")
    await admin.close()


async def test_a_role_works_in_its_schema_and_is_kept_out_of_others(dsns: dict[str, str], tmp_path: Path) -> None:
    own, other = [await Store.connect(dsns[name], name) for name in SERVICES]
    await own.migrate(tmp_path)
    await other.migrate(tmp_path)
    async with own.transaction() as tx:
        assert await tx.take(["e1"]) == {"e1"}
        assert await tx.fetchval("select current_user") == "assay_discovery"
    for statement in (
        "select * from matching.inbox",
        "create table matching.toy ()",
        "create table public.toy ()",
        "create schema toy",
        "create role toy",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with own.transaction() as tx:
                await tx.execute(statement)
    await own.close()
    await other.close()


async def test_provisioning_again_keeps_what_is_there(postgres: Any, dsns: dict[str, str], tmp_path: Path) -> None:
    store = await Store.connect(dsns["matching"], "matching")
    await store.migrate(tmp_path)
    await store.close()
    again = await provision(postgres.dsn, SERVICES, {"matching": "pass' word"}, DATABASE)
    store = await Store.connect(again["matching"], "matching")
    async with store.transaction() as tx:
        assert await tx.fetchval("select count(*) from inbox") == 0
    await store.close()


async def test_a_name_that_is_none_is_refused(postgres: Any) -> None:
    with pytest.raises(ValueError, match="not a name"):
        await provision(postgres.dsn, ["x; drop"])


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        await provision("postgresql://postgres@127.0.0.1:9/postgres", SERVICES)


def test_addresses_are_rewritten_in_both_forms() -> None:
    dsn = "postgresql://postgres:pw@host:5432/postgres?sslmode=require"
    assert (
        as_role(in_database(dsn, "assay"), "r", "a/b@c") == "postgresql://r:a%2Fb%40c@host:5432/assay?sslmode=require"
    )
    socket = "postgresql://postgres@/postgres?host=/tmp/run&port=5433"
    assert as_role(in_database(socket, "assay"), "r", "x") == "postgresql://r:x@/assay?host=/tmp/run&port=5433"
