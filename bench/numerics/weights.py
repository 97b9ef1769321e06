"""Prints what training comes to on so many threads, with exact operators and with torch's own: a line for each.

Started as `python -m bench.numerics.weights THREADS ...` in an environment that chooses the kernels.
"""

import json
import sys
from typing import Final

import torch
from blake3 import blake3

from assay.workloads.numerics import AdamW
from bench.numerics.model import VOCABULARY, build, exact_step, native_step

WIDTH: Final = 128
STEPS: Final = 2
ROWS, LENGTH = 2, 48


def weights_after(is_exact: bool) -> str:
    """The digest of all weights after the steps."""
    model = build(WIDTH)
    optimiser = AdamW(model.parameters()) if is_exact else torch.optim.AdamW(model.parameters())
    step, whole = exact_step if is_exact else native_step, blake3()
    tokens = (torch.arange(ROWS * LENGTH) * 7919 % VOCABULARY).view(ROWS, LENGTH)
    for _ in range(STEPS):
        step(model, optimiser, tokens)
    for parameter in model.parameters():
        whole.update(parameter.detach().contiguous().numpy().tobytes())
    return whole.hexdigest()


if __name__ == "__main__":
    for threads in map(int, sys.argv[1:]):
        torch.set_num_threads(threads)
        print(json.dumps({"exact": weights_after(True), "native": weights_after(False)}), flush=True)
