"""A job that cannot be done by anybody: its provider says so, nobody is slashed, the requester gets back the rest."""

import pytest
from tests.network import PRICE, REGION, STEADY, Net, earned
from tests.scenarios.tuning import TEXT, order_tuning

from assay.schema.lease import LeaseVerified

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


STEPS, WINDOW, BATCH = 8, 16, 2
WILD = {"method": "full", "learning_rate": 1.0, "schedule": "constant", "warmup_steps": 3, "model_parameters": 30_000}


async def test_training_that_comes_apart_half_way_is_paid_up_to_there_and_the_rest_comes_back(
    net: Net, tiny_model: str
) -> None:
    before, step_price = await net.balances("requester"), BATCH * WINDOW * PRICE // 1_000_000
    sizes = {"steps": STEPS, "segment_steps": 1, "sequence_tokens": WINDOW, "batch": BATCH, "threads": 1}
    params = {"model": tiny_model, "data": await net.assay.upload(TEXT), **sizes, **WILD}
    job_id = await net.order("finetune", params, (REGION[STEADY],), price_limit=STEPS * step_price)
    job = await net.ended(job_id)
    (said,) = await net.until_said(job_id, "lease.verified")
    assert isinstance(said.event, LeaseVerified)
    done, (lease,) = said.event.segments, job.leases
    assert net.story(job_id) == JOB
    assert 0 < done < STEPS and (lease.paid, lease.slashed) == (earned(done * step_price), 0)
    assert (job.paid, job.refunded) == (lease.paid, job.price_limit - done * step_price)
    assert job.reason is not None and "Lower the learning rate" in job.reason
    assert await net.balances("requester") == before - done * step_price
