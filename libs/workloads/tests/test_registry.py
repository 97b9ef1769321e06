"""The kinds of work that are known, and how parameters are checked for them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.workloads import WORKLOADS, BadParams, UnknownKind, read_params, workload
from assay.workloads.registry import fitted, plugins
from assay.workloads.sandbox.policy import Policy

LIGHT = """
import sys, assay.workloads as w
noop, params = w.workload("noop"), w.read_params("noop", {"segments": 1})
noop.run(params, None, noop.start(params, None), 0, w.ignore_progress)
job = w.read_params("finetune", {"model": "a" * 64, "data": "b" * 64, "steps": 4, "segment_steps": 2})
finetune = w.workload("finetune")
finetune.plan(job), finetune.inputs(job), finetune.requirements(job)
print(sorted({"torch", "transformers", "peft", "numpy", "safetensors"} & set(sys.modules)))
"""


def test_planning_and_noop_work_need_no_torch() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_built_in_kind_is_found_by_its_name() -> None:
    assert [workload(work.kind) for work in WORKLOADS] == list(WORKLOADS)


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownKind, match="finetune, generate, noop"):
        workload("mine-bitcoin")


def test_a_plug_in_is_found_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toy_work.py").write_text("class Toy:\n    kind = 'toy'\n")
    info = tmp_path / "toy_work-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-work\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[assay.workloads]\ntoy = toy_work:Toy\n")
    monkeypatch.syspath_prepend(tmp_path)
    plugins.cache_clear()
    assert workload("toy").kind == "toy"
    plugins.cache_clear()


GOOD: dict[str, Any] = {"model": "a" * 64, "data": "b" * 64, "steps": 4, "segment_steps": 2}
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("noop", {"segments": 0}, "segments"),
    ("noop", {"segments": 10_001}, "segments"),
    ("noop", {"segments": 1, "payload": "x" * 1025}, "payload"),
    ("noop", {"segments": 1, "colour": "red"}, "colour"),
    ("finetune", {**GOOD, "model": "../../etc"}, "model"),
    ("finetune", {**GOOD, "data": "B" * 64}, "data"),
    ("finetune", {**GOOD, "steps": 5}, "multiple of segment_steps"),
    ("finetune", {**GOOD, "steps": 20_002}, "raise segment_steps"),
    ("finetune", {**GOOD, "lora_rank": 65}, "lora_rank"),
    ("finetune", {**GOOD, "targets": ["q_proj", "q_proj"]}, "name each target once"),
    ("finetune", {**GOOD, "targets": ["embed_tokens"]}, "targets"),
    ("finetune", {**GOOD, "targets": []}, "targets"),
    ("finetune", {**GOOD, "learning_rate": float("nan")}, "learning_rate"),
    ("finetune", {**GOOD, "learning_rate": 0}, "learning_rate"),
    ("finetune", {**GOOD, "heldout_share": 0.9}, "heldout_share"),
    ("finetune", {**GOOD, "sequence_tokens": 1_000_000}, "sequence_tokens"),
    ("finetune", {**GOOD, "threads": 0}, "threads"),
    ("finetune", {**GOOD, "dtype": "float16"}, "dtype"),
    ("finetune", {**GOOD, "dtype": "bfloat16", "numerics": "exact"}, "float32 alone"),
    ("finetune", {**GOOD, "warmup_steps": 4}, "fewer than steps"),
    ("finetune", {**GOOD, "clip_norm": 0}, "clip_norm"),
    ("finetune", {**GOOD, "device": "cuda"}, "device"),
]


@pytest.mark.parametrize(("kind", "raw", "names"), REFUSED)
def test_parameters_out_of_bounds_are_refused_by_name(kind: str, raw: dict[str, Any], names: str) -> None:
    with pytest.raises(BadParams, match=names) as refused:
        read_params(kind, raw)
    assert refused.value.code == "workload.bad_params"


def test_what_a_command_writes_comes_out_of_the_memory_of_its_lease(tmp_path: Path) -> None:
    policy = Policy(models=tmp_path, scratch=tmp_path, memory_bytes=1 << 30)
    raw: dict[str, Any] = {"command": ["sh", "-c", ":"], "memory_bytes": 128 << 20}
    for disk_bytes in (1 << 20, 256 << 20, 1 << 40):
        held = fitted(policy, "command", raw | {"disk_bytes": disk_bytes})
        assert 0 < held.box_bytes <= disk_bytes
        assert held.memory_bytes + held.box_bytes <= policy.memory_bytes
    assert fitted(policy, "command", raw | {"disk_bytes": 256 << 20}).box_bytes == 256 << 20
