"""A store refuses a server that may lose what it acknowledged."""

import asyncpg
import pytest

from assay.schema.errors import Unreachable, Unsafe
from assay.store.safety import refuse_unsafe
from assay.store.store import Store

pytestmark = pytest.mark.server


async def test_a_commit_that_does_not_wait_for_the_disk_is_refused(schema_dsn: str) -> None:
    connection = await asyncpg.connect(schema_dsn)
    name = await connection.fetchval("select current_database()")
    await connection.execute(f'alter database "{name}" set synchronous_commit = off')
    await connection.close()
    with pytest.raises(Unsafe, match="synchronous_commit"):
        await Store.connect(schema_dsn, "matching")


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
def test_each_setting_counts(name: str) -> None:
    safe = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
    refuse_unsafe(safe)
    with pytest.raises(Unsafe, match=name):
        refuse_unsafe(safe | {name: "off"})


async def test_a_wrong_password_is_waited_for_like_a_server(schema_dsn: str) -> None:
    with pytest.raises(Unreachable):
        await Store.connect(schema_dsn.replace("postgresql://assay:", "postgresql://nobody:"), "matching")
