"""The fixtures of discovery: a database with its schema, and replicas over it."""

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest
from services.discovery.tests.desk import Desk


@pytest.fixture
async def open_desk(database: str) -> AsyncIterator[Callable[..., Awaitable[Desk]]]:
    """Opens replicas over one database of this test's own."""
    connection = await asyncpg.connect(database)
    await connection.execute("create schema discovery")
    await connection.close()
    opened: list[Desk] = []

    async def open_one(**settings: object) -> Desk:
        opened.append(await Desk.open(database, **settings))
        return opened[-1]

    yield open_one
    for desk in opened:
        await desk.close()


@pytest.fixture
async def desk(open_desk: Callable[..., Awaitable[Desk]]) -> Desk:
    """One replica."""
    return await open_desk()
