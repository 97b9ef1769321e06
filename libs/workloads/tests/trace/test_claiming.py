"""A trace as a claim: its provider's child makes it, a verifier's looks at it, a false one is found."""

from pathlib import Path
from typing import Any

import pytest

from assay.proof.committee import BEYOND_MILLI, NOISE_MAX, WITHIN_MILLI
from assay.schema.values import OperatorPlace
from assay.workloads import SegmentResult
from assay.workloads.child import run_task
from assay.workloads.pace import Pace
from assay.workloads.task import CheckTrace, Failed, Finished, ReadingDone, Said, Spoil, Trace, Traced
from assay.workloads.tracing import TraceReading

SEED = "7d" * 32


@pytest.fixture(scope="module")
def job(bench: Any, chain: list[SegmentResult], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What every task names, and the checkpoint before segment 1."""
    folder = tmp_path_factory.mktemp("claimed")
    params, inputs = bench.params(), {}
    for digest, content in bench.inputs.contents.items():
        (folder / digest).write_bytes(content)
        inputs[digest] = str(folder / digest)
    (folder / "before").write_bytes(chain[0].state)
    names = {"kind": "finetune", "params": params.model_dump(mode="json"), "inputs": inputs}
    return names | {"models": str(bench.inputs.models.root), "folder": str(folder), "segment": 1}


def done(task: Any) -> Any:
    """What the child says first."""
    said: list[Said] = []
    run_task(task, said.append, Pace())
    assert isinstance(said[-1], Finished), said
    return said[0]


@pytest.fixture(scope="module")
def opened(job: dict[str, Any]) -> Traced:
    """The provider's trace."""
    traced: Traced = done(Trace(**job, state=str(Path(job["folder"], "before"))))
    return traced


def look(
    job: dict[str, Any], opened: Traced, state_out: str, trace: str = "", at: OperatorPlace | None = None
) -> TraceReading:
    """What a verifier says."""
    claim = {"trace": trace or opened.path, "root": opened.root, "state_out": state_out, "operator": at}
    reading = done(CheckTrace(**job, **claim, seed=SEED, state=str(Path(job["folder"], "before"))))
    assert isinstance(reading, ReadingDone)
    return TraceReading.model_validate_json(Path(reading.path).read_bytes())


def test_an_honest_trace_holds_and_one_that_ends_elsewhere_does_not(
    job: dict[str, Any], opened: Traced, chain: list[SegmentResult]
) -> None:
    said = look(job, opened, chain[1].state_digest)
    assert (said.passed, said.code) == (True, "trace.holds") and set(said.worst) >= {"product", "pointwise"}
    said = look(job, opened, chain[0].state_digest)
    assert (said.passed, said.code) == (False, "trace.wrong_end")


def test_a_spoiled_trace_is_refused_at_a_product_and_another_file_at_its_root(
    job: dict[str, Any], opened: Traced, chain: list[SegmentResult], tmp_path: Path
) -> None:
    spoiled = done(Spoil(**{**job, "folder": str(tmp_path)}, trace=opened.path, seed=SEED))
    said = look(job, spoiled, chain[1].state_digest)
    assert (said.step, said.operator) == (spoiled.step, spoiled.operator)
    assert (said.passed, said.code) == (False, "trace.wrong_operator") and said.residual > 0.1
    assert look(job, opened, chain[1].state_digest, trace=spoiled.path).code == "trace.bad_opening"


def test_a_member_of_a_committee_measures_the_operator_it_is_asked_about_and_no_other(
    job: dict[str, Any], opened: Traced, chain: list[SegmentResult], tmp_path: Path
) -> None:
    spoiled = done(Spoil(**{**job, "folder": str(tmp_path)}, trace=opened.path, seed=SEED))
    at = OperatorPlace(step=spoiled.step, number=spoiled.operator)
    false = look(job, spoiled, chain[1].state_digest, at=at)
    assert (false.passed, false.step, false.operator) == (False, at.step, at.number)
    assert false.noise_milli > 100 * BEYOND_MILLI
    true = look(job, opened, chain[1].state_digest, at=at)
    assert (true.passed, true.name) == (True, false.name) and true.noise_milli <= WITHIN_MILLI
    other = look(job, opened, chain[1].state_digest, trace=spoiled.path, at=at)
    assert (other.passed, other.noise_milli) == (False, NOISE_MAX)
    nowhere = look(job, spoiled, chain[1].state_digest, at=OperatorPlace(step=at.step, number=10**6))
    assert (nowhere.passed, nowhere.noise_milli) == (True, 0)


def test_work_without_a_trace_is_refused() -> None:
    said: list[Said] = []
    params = {"segments": 1, "units_per_segment": 1}
    names = {"kind": "noop", "params": params, "inputs": {}, "models": "", "folder": ""}
    run_task(Trace(**names, segment=0), said.append, Pace())
    assert isinstance(said[-1], Failed) and said[-1].code == "workload.bad_params"
