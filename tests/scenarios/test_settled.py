"""A job that goes well: executed, audited, paid, with a result and a receipt that anyone can check."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load
from tests.e2e.command import assay as command
from tests.network import PRICE, REGION, SECOND, SEGMENT_PRICE, STEADY, Net, earned
from tests.scenarios.tuning import SEGMENTS, Tuned

from assay.client.sdk import Assay
from assay.proof.digest import blake3_hex
from assay.schema.errors import Refused
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


@pytest.mark.slow
async def test_a_tensor_of_a_checkpoint_is_shown_as_committed_and_to_its_requester_alone(
    net: Net, tuned: Tuned, tmp_path: Path
) -> None:
    show, profile = ("--json", "checkpoint", "show", tuned.job_id), net.party("requester").folder
    listed = (await command(*show, profile=profile)).json
    assert (listed["segment"], listed["provider"]) == (SEGMENTS - 1, net.party(STEADY).id)
    whole = load(await net.assay.door.blobs.get(listed["checkpoint"]))
    assert {each["name"]: tuple(each["shape"]) for each in listed["tensors"]} == {n: t.shape for n, t in whole.items()}
    name = max(whole, key=lambda each: whole[each].nbytes)
    rows = (*show, "--tensor", name, "--rows", "1:2")
    shown = (await command(*rows, profile=profile)).json
    assert np.array_equal(np.array(shown["values"], "<f4"), whole[name][1].ravel()[: len(shown["values"])])
    await command(*rows, "--save", tmp_path / "rows", profile=profile)
    assert np.array_equal(load((tmp_path / "rows").read_bytes())[name], whole[name][1:2])
    missing = (await command(*show, "--tensor", "nothing", profile=profile)).json
    assert missing["error"] == "input.bad"
    async with Assay.connect(net.devnet.profile(SECOND)) as stranger:
        with pytest.raises(Refused, match=r"blob\.missing"):
            await stranger.door.ask("blob", {"digest": listed["checkpoint"], "offset": 0, "length": 8})
