"""A job that goes well: executed, audited, paid, with a result and a receipt that anyone can check."""

from pathlib import Path

import pytest
from tests.network import PRICE, REGION, SEGMENT_PRICE, STEADY, Net, earned
from tests.scenarios.tuning import Tuned

from assay.proof.digest import blake3_hex
from assay.workloads import HeldInputs, ModelStore, read_params, workload

pytestmark = pytest.mark.server

JOB = [
    "job.submitted requester",
    "job.funded settlement",
    "job.matched matching",
    "job.started matching",
    "job.executed matching",
    "job.verified verification",
    "job.settled settlement",
]
LEASE = [
    "lease.granted matching",
    "lease.started steady",
    "lease.committed steady",
    "lease.executed steady",
    "lease.verified verification",
    "lease.paid settlement",
]


async def test_a_job_is_settled(net: Net, tmp_path: Path) -> None:
    requester, provider = await net.balances("requester"), await net.balances(STEADY)
    job_id = await net.submit(8, REGION[STEADY], price_limit=10 * SEGMENT_PRICE)
    job = await net.ended(job_id)
    assert net.story(job_id) == JOB
    assert net.story(job.leases[0].lease_id) == LEASE
    assert (job.state, job.paid, job.refunded) == ("settled", earned(8 * SEGMENT_PRICE), 2 * SEGMENT_PRICE)
    assert await net.balances("requester") == requester - 8 * SEGMENT_PRICE
    assert await net.balances(STEADY) == provider + earned(8 * SEGMENT_PRICE)
    assert [verdict.outcome for verdict in job.verdicts] == ["passed"]
    assert len(job.verdicts[0].drawn) >= 2
    assert len((await net.assay.fetch(job_id, tmp_path / "result")).read_bytes()) == 32


@pytest.mark.slow
async def test_a_model_is_tuned_and_follows_the_data(net: Net, tuned: Tuned, tmp_path: Path) -> None:
    job = await net.assay.job(tuned.job_id)
    assert net.story(tuned.job_id) == JOB
    units = 8 * tuned.params["segment_steps"] * tuned.params["batch"] * tuned.params["sequence_tokens"]
    assert (job.state, job.paid) == ("settled", earned(units * PRICE // 1_000_000))
    adapter = (await net.assay.fetch(tuned.job_id, tmp_path / "adapter")).read_bytes()
    params = read_params("finetune", {**tuned.params, "data": blake3_hex(tuned.text)})
    inputs = HeldInputs(ModelStore(net.devnet.places.models), {blake3_hex(tuned.text): tuned.text})
    tune = workload("finetune")
    assert tune.evaluate(params, inputs, adapter) < tune.evaluate(params, inputs, None)  # type: ignore[attr-defined]
