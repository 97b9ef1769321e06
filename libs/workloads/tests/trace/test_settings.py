"""Honest work under unlike settings: nothing is found, whoever recorded and whoever checks."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

SEEDS = ["5e" * 32, "a7" * 32]
SETTINGS = {
    "old": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_CBWR": "COMPATIBLE", "THREADS": "1"},
    "wide": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "THREADS": "2"},
}
CHILD = """
import json, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import torch
torch.set_num_threads(int(os.environ["THREADS"]))
from conftest import build_job
from assay.workloads.machine import read_class
from assay.workloads.trace.check import check_trace
from dataclasses import replace
folder, mine, findings = Path(sys.argv[2]), sys.argv[3], []
for half in (False, True):
    job = build_job(half)
    theirs = json.loads((folder / f"here.{half}.said").read_text())
    spec = replace(job.spec, root=theirs[0], state_out=theirs[1])
    for seed in theirs[2]:
        findings += [str(each) for each in check_trace(folder / f"here.{half}", seed, spec).findings]
    spec = job.forge(folder / f"{mine}.{half}")
    (folder / f"{mine}.{half}.said").write_text(json.dumps((spec.root, spec.state_out)))
print(json.dumps({"findings": findings, "class": read_class(int(os.environ["THREADS"])).class_id}))
"""


@pytest.mark.slow
def test_honest_traces_pass_whatever_the_instruction_set_and_the_threads(
    job: Any, half_job: Any, tmp_path: Path
) -> None:
    import torch

    from assay.workloads.machine import read_class
    from assay.workloads.trace.check import check_trace

    jobs = {False: job, True: half_job}
    for half, each in jobs.items():
        spec = each.forge(tmp_path / f"here.{half}")
        (tmp_path / f"here.{half}.said").write_text(json.dumps((spec.root, spec.state_out, SEEDS)))
    children = [launch(tmp_path, name) for name in SETTINGS]
    answers = [json.loads(child.communicate(timeout=280)[0]) for child in children]
    assert [answer["findings"] for answer in answers] == [[], []]
    assert len({read_class(1).class_id, *(answer["class"] for answer in answers)}) == 3
    threads = torch.get_num_threads()
    for half, each in jobs.items():
        for name in SETTINGS:
            root, state_out = json.loads((tmp_path / f"{name}.{half}.said").read_text())
            spec = replace(each.spec, root=root, state_out=state_out)
            for count, seed in enumerate(SEEDS, start=1):
                torch.set_num_threads(count)
                assert check_trace(tmp_path / f"{name}.{half}", seed, spec).findings == ()
    torch.set_num_threads(threads)


def launch(folder: Path, name: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", CHILD, str(Path(__file__).parent), str(folder), name]
    return subprocess.Popen(command, env=os.environ | SETTINGS[name], stdout=subprocess.PIPE)


@pytest.mark.slow
def test_a_calibration_comes_from_segments_that_were_really_run(bench: Any, tmp_path: Path) -> None:
    from assay.proof.calibration import calibrate_pair, find_tolerance
    from assay.workloads.calibrate import Work, calibrate

    text = tmp_path / "text"
    text.write_bytes(bench.text)
    params = bench.raw(steps=6, segment_steps=2)
    given: dict[str, Any] = {"inputs": {bench.data: str(text)}, "models": str(bench.store.root)}
    work = Work(kind="finetune", params=params, segments=3, **given)
    (measured,) = calibrate(work, [{}, {**SETTINGS["old"]}], tmp_path / "measured")
    assert measured.one.class_id != measured.other.class_id
    pair = (measured.one.class_id, measured.other.class_id)
    record = calibrate_pair(*pair, "float32", "finetune", measured.distances, 0, 1_000)
    assert 0 < record.worst < 1.5e-5
    assert find_tolerance([record], "finetune", *pair, "float32", 500) <= 3e-4
