"""The trace of a real fine-tuning segment: it ends in the bits that were trained, and binds both ends."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.workloads import BadCheckpoint, BadParams, SegmentResult, ignore_progress, workload
from assay.workloads.trace.check import check_trace
from assay.workloads.trace.finetune import plan_of, prepare, trace_segment, trace_spec

FINETUNE = workload("finetune")
SEED = "3c" * 32


@pytest.fixture(scope="module")
def traced(
    bench: Any, chain: list[SegmentResult], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Any, SegmentResult]:
    """Segment 1 as its worker opens it, and what a checker holds it against."""
    path = tmp_path_factory.mktemp("traced") / "trace"
    before, after = chain[0], chain[1]
    recorded = trace_segment(bench.params(), bench.inputs, before.state, 1, path)
    spec = trace_spec(bench.params(), bench.inputs, before.state, 1, recorded.root, after.state_digest)
    return path, spec, after


def test_the_trace_of_a_segment_ends_in_the_very_bits_that_were_trained(traced: Any) -> None:
    path, spec, _ = traced
    report = check_trace(path, SEED, spec)
    assert report.findings == ()
    assert report.operators > 200 and len(spec.steps) == 2


def test_a_segment_is_held_against_its_own_start_data_and_step(
    bench: Any, start: bytes, chain: list[SegmentResult], traced: Any
) -> None:
    path, spec, after = traced
    params = bench.params(learning_rate=0.0101)
    other_rate = trace_spec(params, bench.inputs, chain[0].state, 1, spec.root, after.state_digest)
    other_data = replace(spec, steps=(spec.steps[1], spec.steps[0]))
    for wrong in (other_rate, other_data, replace(spec, state_out=chain[0].state_digest)):
        assert not check_trace(path, SEED, wrong).passed
    with pytest.raises(BadCheckpoint):
        trace_spec(bench.params(), bench.inputs, start, 1, spec.root, after.state_digest)
    with pytest.raises(BadParams):
        trace_spec(bench.params(), bench.inputs, chain[1].state, 3, spec.root, after.state_digest)


def test_a_step_that_was_left_out_is_found(traced: Any, recorder: Any, tmp_path: Path) -> None:
    import torch

    _, spec, _ = traced
    moved = {node: name for name, node in spec.plan.step.outputs.items() if name in spec.plan.step.state_names}

    def lazy(step: int, node: Any, args: Any, options: Any) -> Any:
        kept = args[0] if node in moved and step == 1 else None
        return torch.as_tensor(kept).clone() if kept is not None else node.target(*args, **options)

    recorded = recorder(spec, tmp_path / "trace", lazy)
    forged = replace(spec, root=recorded.root, state_out=spec.digest(recorded.state))
    findings = check_trace(tmp_path / "trace", SEED, forged).findings
    assert findings and all(finding.step == 1 for finding in findings if finding.code == "trace.wrong_operator")


def test_one_plan_serves_every_step_of_a_job(bench: Any, traced: Any) -> None:
    _, spec, _ = traced
    assert len(spec.plan.digest) == 32
    assert len(spec.plan.leaves) < len(spec.plan.nodes) / 3
    assert plan_of.cache_info().currsize == 1


def test_what_is_traced_first_runs_on_the_threads_of_the_job(bench: Any) -> None:
    import torch

    for threads in (2, 1):
        plan_of.cache_clear()
        prepare(bench.params(threads=threads), bench.inputs, 0)
        assert torch.get_num_threads() == threads


def test_a_job_in_bfloat16_is_traced_to_its_own_bits_and_float32_is_not_it(bench: Any, tmp_path: Path) -> None:
    params = bench.params(dtype="bfloat16")
    before = FINETUNE.start(params, bench.inputs)
    after = FINETUNE.run(params, bench.inputs, before, 0, ignore_progress)
    plain = FINETUNE.run(bench.params(), bench.inputs, before, 0, ignore_progress)
    root = trace_segment(params, bench.inputs, before, 0, tmp_path / "trace").root
    report = check_trace(
        tmp_path / "trace", SEED, trace_spec(params, bench.inputs, before, 0, root, after.state_digest)
    )
    assert report.findings == ()
    assert FINETUNE.distance(plain.state, after.state, before) > 1e-3
