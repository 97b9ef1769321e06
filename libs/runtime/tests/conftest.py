"""The toy service's fixtures."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from libs.runtime.tests.toy import MIGRATION, Toy
from tests.servers import MakeSchema

from assay.bus.memory import MemoryBus
from assay.schema import STREAMS


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    (tmp_path / "0001_toy.sql").write_text(MIGRATION)
    return tmp_path


@pytest.fixture
async def schema_dsn(make_schema: MakeSchema) -> str:
    """An empty database with the schema of the toy's service."""
    return await make_schema("matching")


@pytest.fixture
async def toy(schema_dsn: str, migrations: Path) -> AsyncIterator[Toy]:
    """The toy over the memory bus."""
    bus = MemoryBus()
    await bus.ensure_streams(STREAMS)
    toy = Toy(schema_dsn, migrations, bus)
    yield toy
    for store in toy.stores:
        await store.close()
