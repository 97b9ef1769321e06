"""The fixtures of discovery: a database with its schema, and replicas over it."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from services.discovery.tests.desk import Desk
from tests.servers import MakeSchema

from assay.discovery.main import service


@pytest.fixture
async def open_desk(make_schema: MakeSchema) -> AsyncIterator[Callable[..., Awaitable[Desk]]]:
    """Opens replicas over one database of this test's own."""
    database = await make_schema("discovery", service().migrations)
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
