"""The same work under unlike settings of threads, instruction sets and kernels, and in processes of its own."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import torch
from libs.workloads.tests.settings.nursery import Nursery
from libs.workloads.tests.trace.conftest import build_job

from assay.proof.calibration import calibrate_pair, find_tolerance
from assay.workloads import SegmentResult, calibrate, workload
from assay.workloads.machine import read_class
from assay.workloads.trace.check import check_trace

pytestmark = pytest.mark.slow

HERE: Final = Path(__file__).parent
SETTINGS: Final[dict[str, dict[str, str]]] = {
    "own": {},
    "old": {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    "wide": {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "strict": {"ATEN_CPU_CAPABILITY": "avx512", "MKL_CBWR": "SSE4_2,STRICT", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
}
TRACED: Final = {"old": 1, "wide": 2}
"""Where traces are checked, on how many threads."""
SEEDS: Final = ["5e" * 32, "a7" * 32]


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """Where processes of each setting come from."""
    with Nursery() as made:
        yield made


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """One thread here, unless a test says otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_eight_settings_of_threads_and_instruction_sets_give_the_same_bits(nursery: Nursery) -> None:
    for setting in SETTINGS.values():
        nursery.ask(setting, HERE / "bits.py", 1, 2)
    lines = [line for _ in SETTINGS for line in nursery.answer()]
    assert len(lines) == 8
    assert len({json.dumps(line, sort_keys=True) for line in lines}) == 1, lines


def test_honest_traces_pass_whatever_the_instruction_set_and_the_threads(nursery: Nursery, tmp_path: Path) -> None:
    jobs = {half: build_job(half) for half in (False, True)}
    for half, each in jobs.items():
        spec = each.forge(tmp_path / f"here.{half}")
        (tmp_path / f"here.{half}.said").write_text(json.dumps((spec.root, spec.state_out, SEEDS)))
    for name, count in TRACED.items():
        nursery.ask(SETTINGS[name], HERE / "tracing.py", tmp_path, name, count)
    answers = [nursery.answer()[0] for _ in TRACED]
    assert [answer["findings"] for answer in answers] == [[], []]
    assert len({read_class(1).class_id, *(answer["class"] for answer in answers)}) == 3
    for half, each in jobs.items():
        for name in TRACED:
            root, state_out = json.loads((tmp_path / f"{name}.{half}.said").read_text())
            spec = replace(each.spec, root=root, state_out=state_out)
            for count, seed in enumerate(SEEDS, start=1):
                torch.set_num_threads(count)
                assert check_trace(tmp_path / f"{name}.{half}", seed, spec).findings == ()


def test_processes_agree_to_the_bit_and_another_instruction_set_within_the_tolerance(
    nursery: Nursery, bench: Any, start: bytes, chain: list[SegmentResult], tmp_path: Path
) -> None:
    (tmp_path / "first").write_bytes(chain[0].state)
    ends = [tmp_path / name for name in ("whole", "resumed", "unlike")]

    def tune(setting: str, out: Path, first: int = 0, state: Path | None = None) -> None:
        task = {"text": bench.text.decode(), "store": str(bench.store.root), "params": bench.raw(), "first": first}
        told = task | {"out": str(out), "state": state and str(state)}
        nursery.ask(SETTINGS[setting], HERE / "tuning.py", json.dumps(told))

    tune("own", ends[0])
    tune("own", ends[1], first=1, state=tmp_path / "first")
    tune("old", ends[2])
    assert [nursery.answer() for _ in ends] == [[], [], []]
    whole, resumed, unlike = (end.read_bytes() for end in ends)
    assert whole == resumed == chain[-1].state
    apart = workload("finetune").distance(whole, unlike, start)
    assert 0 < apart < 3e-4


def test_a_calibration_comes_from_segments_that_were_really_run(
    nursery: Nursery, bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: Any, *, input: bytes, env: Mapping[str, str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        """What the process would print that a calibration starts, from one of the same setting."""
        name = next(n for n, setting in reversed(SETTINGS.items()) if setting.items() <= env.items())
        nursery.ask(SETTINGS[name], HERE / "calibrating.py", input.decode())
        return subprocess.CompletedProcess(command, 0, json.dumps(nursery.answer()[0]).encode())

    monkeypatch.setattr(subprocess, "run", run)
    text = tmp_path / "text"
    text.write_bytes(bench.text)
    params = bench.raw(steps=6, segment_steps=2)
    given: dict[str, Any] = {"inputs": {bench.data: str(text)}, "models": str(bench.store.root)}
    work = calibrate.Work(kind="finetune", params=params, segments=3, **given)
    (measured,) = calibrate.calibrate(work, [{}, {**SETTINGS["old"]}], tmp_path / "measured")
    assert measured.one.class_id != measured.other.class_id
    pair = (measured.one.class_id, measured.other.class_id)
    record = calibrate_pair(*pair, "float32", "finetune", measured.distances, 0, 1_000)
    assert 0 < record.worst < 1.5e-5
    assert find_tolerance([record], "finetune", *pair, "float32", 500) <= 3e-4
