"""Stores on real Postgres."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.servers import MakeSchema

from assay.store.store import Store

OpenStore = Callable[[], Awaitable[Store]]


@pytest.fixture
async def schema_dsn(make_schema: MakeSchema) -> str:
    """An empty database with a schema."""
    return await make_schema("matching")


@pytest.fixture
async def open_store(schema_dsn: str, tmp_path: Path) -> AsyncIterator[OpenStore]:
    """Opens stores of one service on one database: its replicas."""
    opened: list[Store] = []

    async def open_one() -> Store:
        opened.append(await Store.connect(schema_dsn, "matching"))
        await opened[-1].migrate(tmp_path)
        return opened[-1]

    yield open_one
    for store in opened:
        await store.close()


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    """A store with the shell's tables."""
    return await open_store()
