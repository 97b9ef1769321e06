"""The fine-tuning workload with exact numerics."""

from typing import Any

from assay.workloads import workload


def chain(bench: Any, start: bytes, **changes: Any) -> bytes:
    return bench.chain(start, range(2), **changes)[-1].state


def test_an_exact_job_ends_where_a_native_one_does_but_for_rounding(bench: Any, start: bytes) -> None:
    ours, native = chain(bench, start, numerics="exact"), chain(bench, start)
    assert 0 < workload("finetune").distance(native, ours, start) < 1e-3
    assert chain(bench, start, numerics="exact", threads=2) == ours
