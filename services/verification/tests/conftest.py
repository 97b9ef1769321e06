"""Verification's fixtures."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from services.verification.tests.court import Court, open_court
from tests.servers import MakeSchema

from assay.verification.service import MIGRATIONS
from assay.workloads.runner import Runner


@pytest.fixture(scope="session")
async def runner(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Runner]:
    """One child process for all tests: starting it is what costs."""
    runner = Runner(tmp_path_factory.mktemp("child") / "log")
    yield runner
    await runner.kill()


@pytest.fixture
async def court(make_schema: MakeSchema, runner: Runner, tmp_path: Path) -> AsyncIterator[Court]:
    """A verification service of this test's own."""
    court = await open_court(await make_schema("verification", MIGRATIONS), runner, tmp_path)
    yield court
    await court.context.store.close()
