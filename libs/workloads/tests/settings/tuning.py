"""Runs segments of a fine-tuning job from its start or from a checkpoint, and leaves the state after the last.

tuning.py '{"text", "store", "params", "first", "state", "out"}'
"""

import json
import sys
from pathlib import Path

from assay.proof.digest import blob_digest
from assay.workloads import HeldInputs, ModelStore, ignore_progress, read_params, workload

if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    text = task["text"].encode()
    inputs = HeldInputs(ModelStore(Path(task["store"])), {blob_digest(text): text})
    work, params = workload("finetune"), read_params("finetune", task["params"])
    state = Path(task["state"]).read_bytes() if task["state"] else work.start(params, inputs)
    for index in range(task["first"], 3):
        state = work.run(params, inputs, state, index, ignore_progress).state
    Path(task["out"]).write_bytes(state)
