"""Whatever a scenario did, at its end every job has ended and everything adds up."""

import pytest
from tests.network import REGION, STEADY, Net
from tests.resting import kept_books, resting
from tests.scenarios.tuning import TEXT, Tuned, order_tuning, tuning

at_rest, books = resting(), kept_books()


@pytest.fixture(scope="session")
async def tuned(net: Net, tiny_model: str) -> Tuned:
    """A model tuned by a provider that nothing happened to."""
    job_id = await order_tuning(net, tiny_model, TEXT, REGION[STEADY])
    await net.ended(job_id)
    return Tuned(job_id, tuning(tiny_model), TEXT)
