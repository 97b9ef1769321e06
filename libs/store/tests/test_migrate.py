"""Each migration is applied once, by whichever replica comes first, and is never changed afterwards."""

import asyncio
from pathlib import Path

import pytest

from assay.schema.errors import Mismatch
from assay.store.store import Store

pytestmark = pytest.mark.server


async def test_migrations_are_applied_in_order_and_once(store: Store, tmp_path: Path) -> None:
    (tmp_path / "0002_more.sql").write_text("insert into toy values (1);")
    (tmp_path / "0001_toy.sql").write_text("create table toy (id int);")
    await store.migrate(tmp_path)
    await store.migrate(tmp_path)
    async with store.transaction() as tx:
        assert await tx.fetchval("select count(*) from toy") == 1


async def test_replicas_that_start_together_apply_it_once(store: Store, tmp_path: Path) -> None:
    (tmp_path / "0001_toy.sql").write_text("create table toy (id int); insert into toy values (1);")
    await asyncio.gather(*(store.migrate(tmp_path) for _ in range(4)))
    async with store.transaction() as tx:
        assert await tx.fetchval("select count(*) from toy") == 1


async def test_a_migration_that_was_changed_is_refused(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "0001_toy.sql"
    path.write_text("create table toy (id int);")
    await store.migrate(tmp_path)
    path.write_text("create table toy (id bigint);")
    with pytest.raises(Mismatch, match=r"matching/0001_toy\.sql was changed"):
        await store.migrate(tmp_path)


async def test_a_database_of_a_later_version_is_refused(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "0001_toy.sql"
    path.write_text("create table toy (id int);")
    await store.migrate(tmp_path)
    path.unlink()
    with pytest.raises(Mismatch, match="does not know"):
        await store.migrate(tmp_path)


async def test_a_migration_that_comes_before_an_applied_one_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "0002_toy.sql").write_text("create table toy (id int);")
    await store.migrate(tmp_path)
    (tmp_path / "0001_late.sql").write_text("create table late (id int);")
    with pytest.raises(Mismatch, match=r"0001_late.sql comes before .*0002_toy.sql"):
        await store.migrate(tmp_path)


async def test_a_migration_that_fails_leaves_nothing(store: Store, tmp_path: Path) -> None:
    (tmp_path / "0001_toy.sql").write_text("create table toy (id int); select 1 / 0;")
    with pytest.raises(Exception, match="division by zero"):
        await store.migrate(tmp_path)
    async with store.transaction() as tx:
        assert await tx.fetchval("select to_regclass('toy')") is None
