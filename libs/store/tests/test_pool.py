"""A connection is lent to one at a time, and kept only while it is whole."""

import asyncio

import pytest

from assay.schema.errors import Unreachable
from assay.store.store import Store

pytestmark = pytest.mark.server
WHOSE = "select pg_backend_pid()"


async def whose(store: Store) -> int:
    async with store.reading() as tx:
        return int(await tx.fetchval(WHOSE))


async def test_a_connection_is_kept_for_the_next_but_not_one_that_was_cut_off(store: Store) -> None:
    first = await whose(store)

    async def stand_still() -> None:
        async with store.transaction() as tx:
            inside.set_result(await tx.fetchval(WHOSE))
            await tx.fetchval("select pg_sleep(60)")

    inside: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    standing = asyncio.create_task(stand_still())
    assert await inside == first
    assert await whose(store) != first
    standing.cancel()
    await asyncio.gather(standing, return_exceptions=True)
    assert first not in {await whose(store) for _ in range(3)}


async def test_a_store_that_is_closed_is_unreachable(store: Store) -> None:
    await store.close()
    with pytest.raises(Unreachable):
        await whose(store)
