"""Verification's fixtures."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from services.verification.tests.court import Court, open_court

from assay.workloads.runner import Runner


@pytest.fixture(scope="session")
async def runner(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Runner]:
    """One child process for all tests: starting it is what costs."""
    runner = Runner(tmp_path_factory.mktemp("child") / "log")
    yield runner
    await runner.kill()


@pytest.fixture
async def court(database: str, runner: Runner, tmp_path: Path) -> AsyncIterator[Court]:
    """A verification service of this test's own."""
    connection = await asyncpg.connect(database)
    await connection.execute("create schema verification")
    await connection.close()
    court = await open_court(database, runner, tmp_path)
    yield court
    await court.context.store.close()
