"""A model that no provider has: its requester brings it along, and what it did is audited and paid like any other."""

import runpy
from pathlib import Path

import pytest
from libs.workloads.tests.test_model_files import sharded
from tests.network import PRICE, REGION, ROOT, STEADY, Net, earned
from tests.scenarios.tuning import TEXT, order_tuning, tuning

from assay.client import models
from assay.schema.values import Requirements

pytestmark = pytest.mark.server


@pytest.mark.slow
async def test_a_model_that_is_brought_along_is_tuned_and_asked(
    net: Net, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "NOTES", tmp_path / "notes")
    folder = tmp_path / "model"
    folder.mkdir()
    runpy.run_path(str(ROOT / "libs/workloads/tests/conftest.py"))["build_tiny_model"](folder)
    sharded(folder)
    own = await net.assay.add_model(folder)
    assert not (net.devnet.places.models / own.model).exists()
    tuned = await order_tuning(net, own.model, TEXT, REGION[STEADY])
    prompts = b"".join(b'{"prompt": "the quick brown fox %d"}\n' % number for number in range(4))
    asked = {"model": own.model, "prompts": await net.assay.upload(prompts), "requests": 4, "segment_requests": 2}
    written = await net.assay.submit(
        "generate",
        asked | {"max_tokens": 4, "threads": 1},
        price_limit=10**8,
        requirements=Requirements(regions=(REGION[STEADY],)),
    )
    for job_id in (tuned, written):
        job = await net.ended(job_id)
        assert job.state == "settled", await net.assay.why(job_id)
        assert [verdict.outcome for verdict in job.verdicts] == ["passed"]
    sizes = tuning(own.model)
    units = sizes["steps"] * sizes["batch"] * sizes["sequence_tokens"]
    assert (await net.assay.job(tuned)).paid == earned(units * PRICE // 1_000_000)
    assert not (net.devnet.places.models / own.model).exists()
