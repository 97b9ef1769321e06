"""One operator of a trace is measured from what was committed, all of it: honest noise, far beyond, or between."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from libs.workloads.tests.trace.test_cheats import in_half, large, on, products

from assay.proof.committee import BEYOND_MILLI, NOISE_MAX, WITHIN_MILLI
from assay.workloads.trace.check import TraceSpec, measure_operator
from assay.workloads.trace.claiming import noise_milli
from assay.workloads.trace.errors import BadOpening
from assay.workloads.trace.opening import header_of
from assay.workloads.trace.rules import Rule
from assay.workloads.trace.tolerances import tolerance_of

SEEDS = ("3c" * 32, "c3" * 32)
FIRST = [f"{number:02x}" * 32 for number in range(24)]


def measured(
    path: Path, spec: TraceSpec, operator: int, seed: str = SEEDS[0], first: str = SEEDS[0], step: int = 0
) -> int:
    """In thousandths of honest noise."""
    found = measure_operator(path, (seed, first), spec, step, operator)
    assert found is not None
    return noise_milli(found.residual, found.tolerance.each)


@pytest.mark.parametrize("kind", ["job", "half_job"])
def test_every_operator_of_an_honest_trace_is_within_honest_noise(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    work = request.getfixturevalue(kind)
    spec = work.forge(tmp_path / "trace")
    claimed = [
        leaf.index for leaf in spec.plan.leaves if measure_operator(tmp_path / "trace", SEEDS, spec, 0, leaf.index)
    ]
    assert len(claimed) > len(spec.plan.leaves) / 2
    assert max(measured(tmp_path / "trace", spec, index, SEEDS[1]) for index in claimed) <= WITHIN_MILLI


def test_a_false_operator_is_beyond_the_bound_by_every_seed_and_those_behind_it_are_not(
    job: Any, tmp_path: Path
) -> None:
    (false,) = products(job)[4:5]
    spec = job.forge(tmp_path / "trace", on([false], in_half))
    plan, path = spec.plan, tmp_path / "trace"
    assert all(measured(path, spec, plan.index[false], seed) > 10 * BEYOND_MILLI for seed in SEEDS)
    behind = next(leaf for leaf in plan.leaves if leaf.index > plan.index[false])
    assert measured(path, spec, behind.index) <= WITHIN_MILLI


def test_one_poisoned_row_of_a_thousand_is_never_missed(job: Any, tmp_path: Path) -> None:
    def poisoned(node: Any, args: Any, options: Any) -> Any:
        result = node.target(*args, **options).clone()
        result.flatten(0, -2)[-1] *= 0.9
        return result

    node = large(job)
    spec = job.forge(tmp_path / "trace", on([node], poisoned))
    assert all(measured(tmp_path / "trace", spec, spec.plan.index[node], seed) > BEYOND_MILLI for seed in SEEDS)


def test_what_showed_by_the_first_vector_shows_to_all_whatever_their_own_vectors_hide(job: Any, tmp_path: Path) -> None:
    def cancelling(node: Any, args: Any, options: Any) -> Any:
        result = node.target(*args, **options).clone()
        # Two equal errors: twice one by a vector of equal signs there, next to none by another.
        result[..., :2] += 1.4e-5 * result.shape[-1] ** 0.5 * result.square().mean().sqrt()
        return result

    node = products(job)[4]
    spec = job.forge(tmp_path / "trace", on([node], cancelling))
    at, path = spec.plan.index[node], tmp_path / "trace"
    alone = {seed: measured(path, spec, at, seed, seed) for seed in FIRST}
    accuser = max(alone, key=alone.__getitem__)
    assert alone[accuser] > BEYOND_MILLI and sorted(alone.values())[len(alone) // 2] <= WITHIN_MILLI, alone
    assert min(measured(path, spec, at, seed, accuser) for seed in alone) > BEYOND_MILLI


def test_the_largest_row_does_not_hide_what_showed_in_rows_beside_it(job: Any, tmp_path: Path) -> None:
    def shifted(node: Any, args: Any, options: Any) -> Any:
        result = node.target(*args, **options)
        return result + 0.98 * tolerance_of(Rule.POINTWISE, "float32").each * result.abs().max()

    node = large(job)
    spec = job.forge(tmp_path / "trace", on([node], shifted))
    found = {measured(tmp_path / "trace", spec, spec.plan.index[node], first=first) for first in FIRST}
    assert min(found) > WITHIN_MILLI and max(found) > BEYOND_MILLI, found


def test_what_lies_between_honest_noise_and_the_bound_is_measured_so(job: Any, tmp_path: Path) -> None:
    def near(node: Any, args: Any, options: Any) -> Any:
        result = node.target(*args, **options)
        noise = torch.randn(result.shape, generator=torch.Generator().manual_seed(1))
        return result + 1.5e-5 * result.square().mean().sqrt() * noise

    node = products(job)[4]
    spec = job.forge(tmp_path / "trace", on([node], near))
    found = [measured(tmp_path / "trace", spec, spec.plan.index[node], seed) for seed in SEEDS]
    assert all(WITHIN_MILLI < milli <= BEYOND_MILLI for milli in found), found


def test_where_nothing_is_committed_nothing_is_measured_and_another_root_is_no_opening(
    job: Any, tmp_path: Path
) -> None:
    path = tmp_path / "trace"
    spec = job.forge(path)
    committed = {leaf.index for leaf in spec.plan.leaves}
    free = next(index for index in range(len(spec.plan.nodes)) if index not in committed)
    for step, operator in ((0, free), (0, 10**6), (1, min(committed)), (2**31 - 1, 0)):
        assert measure_operator(path, SEEDS, spec, step, operator) is None
    with pytest.raises(BadOpening, match="root"):
        measure_operator(path, SEEDS, replace(spec, root="00" * 32), 0, min(committed))
    content = bytearray(path.read_bytes())
    content[len(header_of(spec.plan, 1))] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadOpening, match="root"):
        measure_operator(path, SEEDS, spec, 0, min(committed))


def test_the_limit_of_the_check_is_the_committees_bound() -> None:
    assert (noise_milli(2e-5, 2e-5), noise_milli(1e-5, 2e-5), noise_milli(0.0, 2e-5)) == (2000, 1000, 0)
    assert noise_milli(float("inf"), 2e-5) == noise_milli(float("nan"), 2e-5) == noise_milli(1e30, 2e-5) == NOISE_MAX
