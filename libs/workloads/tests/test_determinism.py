"""The same job in processes of their own, and on another instruction set."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.workloads import SegmentResult, workload

CHILD = """
import json, sys
from pathlib import Path
from assay.proof.digest import blob_digest
from assay.workloads import HeldInputs, ModelStore, ignore_progress, read_params, workload
task = json.loads(sys.argv[1])
text = task["text"].encode()
inputs = HeldInputs(ModelStore(Path(task["store"])), {blob_digest(text): text})
work, params = workload("finetune"), read_params("finetune", task["params"])
state = Path(task["state"]).read_bytes() if task["state"] else work.start(params, inputs)
for index in range(task["first"], 3):
    state = work.run(params, inputs, state, index, ignore_progress).state
Path(task["out"]).write_bytes(state)
"""


def launch(bench: Any, out: Path, first: int = 0, state: Path | None = None, **env: str) -> subprocess.Popen[bytes]:
    task: dict[str, Any] = {"text": bench.text.decode(), "store": str(bench.store.root), "params": bench.raw()}
    task |= {"out": str(out), "first": first, "state": str(state) if state else None}
    return subprocess.Popen([sys.executable, "-c", CHILD, json.dumps(task)], env=os.environ | env)


@pytest.mark.slow
def test_processes_agree_to_the_bit_and_another_instruction_set_within_the_tolerance(
    bench: Any, start: bytes, chain: list[SegmentResult], tmp_path: Path
) -> None:
    (tmp_path / "first").write_bytes(chain[0].state)
    ends = [tmp_path / name for name in ("whole", "resumed", "unlike")]
    children = [
        launch(bench, ends[0]),
        launch(bench, ends[1], first=1, state=tmp_path / "first"),
        launch(bench, ends[2], ATEN_CPU_CAPABILITY="default", ONEDNN_MAX_CPU_ISA="SSE41", MKL_CBWR="COMPATIBLE"),
    ]
    assert [child.wait(timeout=240) for child in children] == [0, 0, 0]
    whole, resumed, unlike = (end.read_bytes() for end in ends)
    assert whole == resumed == chain[-1].state
    apart = workload("finetune").distance(whole, unlike, start)
    assert 0 < apart < 3e-4
