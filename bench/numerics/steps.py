"""A Llama of two layers trained on 1,024 tokens a step, forward, backward and AdamW, at two widths.

The time is the processor's, of one thread, the least of some rounds that take turns; weights are fixed once a step.
"""

import copy
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import torch

from assay.workloads.numerics import AdamW
from bench.numerics.bits import over_settings
from bench.numerics.model import BATCH, LENGTH, VOCABULARY, build, exact_step, native_step
from bench.result import Result

WIDTHS: Final = (512, 1024)
SLOWDOWN_MAX: Final = {512: 3.3, 1024: 2.7}
ROUNDS: Final = 3


def cpu_s(step: Callable[[], float]) -> float:
    """The processor time of one step."""
    began = time.process_time()
    step()
    return time.process_time() - began


@lru_cache
def measure(width: int) -> dict[str, float]:
    """The least times of both at this width, on one thread, and how far their losses are apart after the same steps."""
    torch.set_num_threads(1)
    models = [build(width)]
    models.append(copy.deepcopy(models[0]))
    optimisers = AdamW(models[0].parameters()), torch.optim.AdamW(models[1].parameters())
    tokens = (torch.arange(BATCH * LENGTH) * 7919 % VOCABULARY).view(BATCH, LENGTH)
    steps: tuple[Callable[[], float], ...] = (
        lambda: exact_step(models[0], optimisers[0], tokens),
        lambda: native_step(models[1], optimisers[1], tokens),
    )
    first = [step() for step in steps]
    rounds = [[cpu_s(step) for step in steps] for _ in range(ROUNDS)]
    ours, theirs = (min(column) for column in zip(*rounds, strict=True))
    print(f"  width {width}: {ours:.3g} s exact, {theirs:.3g} s native", flush=True)
    last = [step() for step in steps]
    apart = max(abs(a - b) / b for a, b in (first, last))
    return {"exact": ours, "native": theirs, "loss_apart": apart}


def run() -> Result:
    """The axis, measured now."""
    found = {width: measure(width) for width in WIDTHS}
    figures: dict[str, float | str | None] = {}
    for width, times in found.items():
        figures[f"step_cpu_s_at_{width}"] = times["exact"]
        figures[f"slowdown_at_{width}"] = times["exact"] / times["native"]
        figures[f"loss_apart_at_{width}"] = times["loss_apart"]
    figures |= over_settings()
    return Result(
        "numerics",
        figures,
        {"torch": {f"step_cpu_s_at_{width}": times["native"] for width, times in found.items()}},
        {
            **{f"native_over_exact_at_{width}": times["native"] / times["exact"] for width, times in found.items()},
            "one_over_distinct_exact": 1 / float(figures["distinct_weights_exact"] or 0),
        },
        {
            **{f"native_over_exact_at_{width}": 1 / SLOWDOWN_MAX[width] for width in WIDTHS},
            "one_over_distinct_exact": 1.0,
        },
        ("exact and native take turns; one thread; the same model, data and optimiser; the slow-down is the inverse",),
    )
