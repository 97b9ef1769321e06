"""Openings as a stranger may send them, and machines that fail: typed errors that say where and blame nobody else."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from assay.workloads.trace import check as checking
from assay.workloads.trace.check import check_trace
from assay.workloads.trace.errors import BadOpening, CheckerFault
from assay.workloads.trace.opening import MAGIC, Opening, header_of, padded
from assay.workloads.trace.rules import Rule

SEED = "07" * 32


@pytest.fixture(scope="module")
def opened(job: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, bytes]:
    path = tmp_path_factory.mktemp("opened") / "trace"
    return job.forge(path), path.read_bytes()


def refused(opened: tuple[Any, bytes], folder: Path, data: bytes, spec: Any = None) -> BadOpening:
    (folder / "trace").write_bytes(data)
    with pytest.raises(BadOpening) as raised:
        check_trace(folder / "trace", SEED, spec or opened[0])
    return raised.value


def test_an_opening_that_breaks_off_is_refused_at_the_tensor_it_breaks_in(opened: Any, tmp_path: Path) -> None:
    spec, data = opened
    last = spec.plan.leaves[-1]
    assert refused(opened, tmp_path, data[:-1]).operator == last.index
    assert refused(opened, tmp_path, data + b"\0").operator == last.index
    first = spec.plan.leaves[0]
    assert refused(opened, tmp_path, data[: len(header_of(spec.plan, 1)) + 8]).operator == first.index
    for empty in (b"", MAGIC, b"\xff" * 4096, MAGIC + b"\xff" * 8 + b"[" * 4096):
        assert "header" in str(refused(opened, tmp_path, empty))


def changed(data: bytes, spec: Any, at: int, declared: list[Any]) -> bytes:
    head = header_of(spec.plan, 1)
    size = int.from_bytes(head[len(MAGIC) : len(MAGIC) + 8], "big")
    body = json.loads(head[len(MAGIC) + 8 :][:size])
    body["leaves"][at] = declared
    text = json.dumps(body, separators=(",", ":")).encode()
    new = MAGIC + len(text).to_bytes(8, "big") + text
    return new.ljust(padded(len(new)), b" ") + data[len(head) :]


@pytest.mark.parametrize("declared", [["float64", [1]], ["float32", [2**62, 2**62]], ["int8", []], [None, {"a": []}]])
def test_another_type_shape_or_length_is_refused_at_its_operator(opened: Any, tmp_path: Path, declared: Any) -> None:
    spec, data = opened
    error = refused(opened, tmp_path, changed(data, spec, 5, declared))
    assert (error.operator, error.code) == (spec.plan.leaves[5].index, "trace.bad_opening")


def test_bytes_that_are_not_those_committed_to_are_refused(opened: Any, tmp_path: Path) -> None:
    spec, data = opened
    flipped = bytearray(data)
    flipped[-70] ^= 1
    assert "committed root" in str(refused(opened, tmp_path, bytes(flipped)))
    assert "committed root" in str(refused(opened, tmp_path, data, replace(spec, root="ab" * 32)))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused_or_found_where_it_stands(job: Any, tmp_path: Path, number: float) -> None:
    spoilt = [node for node in job.spec.plan.nodes if job.spec.plan.rules[node] is Rule.PRODUCT][3]

    def spoil(step: int, node: Any, args: Any, options: Any) -> Any:
        result = node.target(*args, **options)
        return result.index_fill(0, torch.tensor([2]), number) if node is spoilt else result

    try:
        report = job.check(tmp_path / "trace", spoil)
    except BadOpening as error:
        assert error.operator == job.spec.plan.index[spoilt]
    else:
        assert report.findings[0].operator == job.spec.plan.index[spoilt]


def test_an_opening_of_fewer_steps_is_refused(job: Any, opened: Any, tmp_path: Path) -> None:
    spec, data = opened
    assert "header" in str(refused(opened, tmp_path, data, replace(spec, steps=spec.steps * 2)))


def test_a_fault_of_the_checker_is_no_finding(opened: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, data = opened
    with pytest.raises(CheckerFault):
        check_trace(tmp_path / "absent", SEED, spec)
    (tmp_path / "trace").write_bytes(data)

    def fail(*args: Any) -> Any:
        raise MemoryError("no memory is left")

    with monkeypatch.context() as patched, pytest.raises(CheckerFault, match="no memory is left"):
        patched.setattr(checking, "claimed_of", fail)
        check_trace(tmp_path / "trace", SEED, spec)
    with monkeypatch.context() as patched, pytest.raises(CheckerFault, match="came out wrong"):
        patched.setattr(torch, "mv", lambda matrix, vector: matrix[:, 0])
        check_trace(tmp_path / "trace", SEED, spec)


def test_tensors_stay_in_the_file_until_they_are_looked_at(opened: Any, tmp_path: Path) -> None:
    spec, data = opened
    (tmp_path / "trace").write_bytes(data)
    opening = Opening(tmp_path / "trace", spec.plan, 1)
    one, again = (opening.tensor(0, spec.plan.leaves[3].index) for _ in range(2))
    assert one.data_ptr() == again.data_ptr()
    assert opening.root == spec.root
