"""A job that cannot be done by anybody: its provider says so, nobody is slashed, the requester gets it back."""

import pytest
from tests.network import REGION, STEADY, Net
from tests.scenarios.tuning import order_tuning

pytestmark = [pytest.mark.server, pytest.mark.slow]

JOB = [
    "job.submitted requester",
    "job.funded settlement",
    "job.matched matching",
    "job.started matching",
    "job.failed matching",
    "job.refunded settlement",
]
LEASE = ["lease.granted matching", "lease.started steady", "lease.failed steady"]


@pytest.mark.parametrize(
    ("text", "says"),
    [(b"\xff\xfe no text" * 500, "UTF-8"), (b"too short", "short")],
    ids=["no text", "too short"],
)
async def test_data_that_nothing_can_be_made_of(net: Net, tiny_model: str, text: bytes, says: str) -> None:
    requester, provider = await net.balances("requester"), await net.balances(STEADY)
    job_id = await order_tuning(net, tiny_model, text, REGION[STEADY])
    job = await net.ended(job_id)
    assert net.story(job_id) == JOB
    assert net.story(job.leases[0].lease_id) == LEASE
    assert (job.state, job.paid, job.refunded) == ("refunded", 0, job.price_limit)
    assert job.reason is not None and says in job.reason
    assert (await net.balances("requester"), await net.balances(STEADY)) == (requester, provider)
