"""A fine-tuning whose order asks for the trace check: drawn segments are opened, verifiers multiply nothing."""

from pathlib import Path

import pytest
from tests.network import PRICE, REGION, STEADY, Net
from tests.scenarios.tuning import SIZES, TEXT

from assay.proof import verify
from assay.schema.audit import AuditUpheld
from assay.schema.epoch import EpochDrawn, EpochOpened
from assay.schema.errors import Refused
from assay.schema.values import Policy

pytestmark = pytest.mark.server

SEGMENTS = 2
LOADED_S = 240.0
"""Within what a provider and three verifiers have loaded a model, on a busy machine."""
TRACED = Policy(method="trace")


async def test_a_tuning_passes_by_its_trace(net: Net, tiny_model: str, tmp_path: Path) -> None:
    params = {"model": tiny_model, "learning_rate": 0.01, "heldout_share": 0.1, "data": await net.assay.upload(TEXT)}
    params |= SIZES | {"segment_steps": 2, "steps": 2 * SEGMENTS}
    units = params["steps"] * params["batch"] * params["sequence_tokens"]
    limit = units * PRICE // 1_000_000
    job_id = await net.order("finetune", params, (REGION[STEADY],), price_limit=limit, policy=TRACED)
    job = await net.ended(job_id, within_s=LOADED_S)
    assert (job.state, job.audited) == ("settled", 0)
    upheld = [said.event for said in net.chronicle.said if isinstance(said.event, AuditUpheld)]
    ours = {(audit.segment, audit.method, audit.agreed) for audit in upheld if audit.lease_id == job.leases[0].lease_id}
    assert ours == {(segment, "trace", True) for segment in range(SEGMENTS)}
    said = [said.event for said in net.chronicle.said if isinstance(said.event, EpochDrawn | EpochOpened)]
    (drawn,) = [
        e for e in said if isinstance(e, EpochDrawn) and job.leases[0].lease_id in {d.lease_id for d in e.drawn}
    ]
    (opened,) = [e for e in said if isinstance(e, EpochOpened) and e.epoch_id == drawn.epoch_id]
    assert opened.block is not None and opened.block > drawn.block
    report = verify((await net.assay.receipt(job_id, tmp_path / "receipt")).read_text())
    assert report.passed, report.faults
    assert sum("by trace: agrees." in check.sentence for check in report.checks) == SEGMENTS
    # What was looked at is proven: the provider signed the roots, and the seeds follow from a later block.
    (traced,) = [check.sentence for check in report.checks if check.name == f"epoch {drawn.epoch_id}: traces"]
    assert f"opened and signed {SEGMENTS} traces, and block {opened.block}" in traced


async def test_work_that_has_no_trace_is_refused_at_the_door(net: Net) -> None:
    with pytest.raises(Refused, match=r"policy\.method") as refused:
        await net.submit(2, REGION[STEADY], policy=TRACED)
    assert refused.value.code == "job.bad_params"
