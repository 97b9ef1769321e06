"""Whatever a scenario did, at its end every job has ended and everything adds up."""

from collections.abc import AsyncIterator

import pytest
from tests.network import REGION, STEADY, Net
from tests.resting import check_at_rest
from tests.scenarios.tuning import TEXT, Tuned, order_tuning, tuning


@pytest.fixture(autouse=True)
async def at_rest(net: Net) -> AsyncIterator[None]:
    """Checks the invariants after the test."""
    since = len(net.chronicle.said)
    yield
    await check_at_rest(net, since)


@pytest.fixture(scope="session")
async def tuned(net: Net, tiny_model: str) -> Tuned:
    """A model tuned by a provider that nothing happened to."""
    job_id = await order_tuning(net, tiny_model, TEXT, REGION[STEADY])
    await net.ended(job_id)
    return Tuned(job_id, tuning(tiny_model), TEXT)
