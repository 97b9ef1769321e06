"""Settlement's fixtures."""

from collections.abc import AsyncIterator

import pytest
from services.settlement.tests.market import (
    ADMIN,
    GOVERNED,
    OPERATOR,
    TERMS,
    Market,
    context_of,
    endow,
    memory_chain,
    settlement,
)
from services.settlement.tests.stories import key_of
from tests.servers import MakeSchema, rpc

from assay.chain.client import connect
from assay.chain.governed.deploy import establish
from assay.settlement.service import MIGRATIONS

COIN_WEI = hex(10**21)


@pytest.fixture
async def schema_dsn(make_schema: MakeSchema) -> str:
    """A database with settlement's empty tables."""
    return await make_schema("settlement", MIGRATIONS)


@pytest.fixture
async def market(schema_dsn: str) -> AsyncIterator[Market]:
    """A market on a chain in memory."""
    context = await context_of(schema_dsn, settlement())
    yield Market(await memory_chain(), context)
    await context.store.close()


@pytest.fixture
async def node_market(schema_dsn: str, chain_url: str) -> AsyncIterator[Market]:
    """A market on a fresh deployment."""
    for key in (ADMIN, OPERATOR, *map(key_of, ("requester", "alpha", "beta"))):
        await rpc(chain_url, "anvil_setBalance", key.address, COIN_WEI)
    chain = await connect(chain_url, await establish(chain_url, ADMIN, OPERATOR.address, GOVERNED, TERMS))
    await endow(chain, ("requester", "alpha", "beta"))
    context = await context_of(schema_dsn, settlement(chain.deployment))
    yield Market(chain, context)
    await context.store.close()
    await chain.close()
