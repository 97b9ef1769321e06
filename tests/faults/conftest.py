"""Whatever broke, in the end every job has ended and everything adds up."""

from collections.abc import AsyncIterator

import pytest
from tests.network import Net
from tests.resting import check_at_rest


@pytest.fixture(autouse=True)
async def at_rest(net: Net) -> AsyncIterator[None]:
    """Checks the invariants after the test."""
    since = len(net.chronicle.said)
    yield
    await check_at_rest(net, since)
