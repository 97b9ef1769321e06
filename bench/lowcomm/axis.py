"""Axis `lowcomm`: bytes that a worker sends until the held-out loss is that of DDP, and the steps that this takes.

DDP's bytes are those that the kernel counted at its sockets; a way of rounds sends results that are blobs, and these
are weighed. Everybody has the same model, shards, batches and inner optimiser (`bench.lowcomm.setting`).
"""

import tempfile
from pathlib import Path
from typing import Final

from assay.workloads.diloco.space import open_space
from bench.lowcomm.ddp import Curve, measure
from bench.lowcomm.peers import ways_of_others
from bench.lowcomm.rounds import Reached, Way, follow
from bench.lowcomm.setting import WORKERS, prepare
from bench.result import Figures, Result

STEPS: Final = 300
EVERY: Final = 10
STEPS_AIM: Final = 1.3
LONGEST: Final = 2.0
"""A way of rounds is given up after so many times DDP's steps."""
AIMS: Final = {"fewer_bytes_at_1.3x_steps": 1_000.0}
OUTER: Final = {"outer_rate": 0.8, "momentum": 0.3}
"""DiLoCo's 0.7 and 0.9 are for well over a hundred rounds: in a handful, momentum is still gathering speed."""
WAYS: Final = (
    Way("h50_float32", 50, {"compress": "float32"}, OUTER),
    Way("h50_int8", 50, {"compress": "int8"}, OUTER),
    Way("h50_int4", 50, {"compress": "int4"}, OUTER),
    Way("h50_int2", 50, {"compress": "int2"}, OUTER),
    Way("h50_int2_feedback", 50, {"compress": "int2", "feedback": True}, OUTER),
    Way("h50_topk", 50, {"compress": "topk", "keep": 32}, OUTER),
    Way("h100_float32", 100, {"compress": "float32"}, OUTER),
    Way("h100_int2", 100, {"compress": "int2"}, OUTER),
    Way("h150_int2", 150, {"compress": "int2"}, OUTER),
)
NOTES: Final = (
    f"{WORKERS} workers; a Llama of 35,000 weights on Python's manual; the target is DDP's loss at {STEPS} steps",
    "everybody has one inner optimiser, which was tuned for nobody; rounds are whole, so steps come in multiples of H",
    "a way counts for the aim only if it reaches the target within 1.3 times DDP's steps",
    "sent: a worker's results; stored: with what error feedback leaves with the network, where any provider may go on",
    "to receive: a member fetches every member's results, and now and then a keyframe of 8 bytes a weight",
)


def run() -> Result:
    """The axis, measured now, in some minutes."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        curve = measure(Path(folder, "ddp"), STEPS, EVERY)
        print(f"  ddp: {STEPS} steps, loss {curve.losses[-1]:.3f}, {curve.sent[-1]:,} bytes", flush=True)
        Path(folder, "rounds").mkdir()
        setting = prepare(Path(folder, "rounds"))
        weights = len(open_space(setting.params(0, inner_steps=1), setting.store).start)
        longest = int(STEPS * LONGEST)
        found = {way.name: follow(setting, way, curve.losses[-1], longest, print_line) for way in WAYS}
    return compose(curve, found, ways_of_others(weights, WORKERS))


def print_line(line: str) -> None:
    """Say how far it has come."""
    print(line, flush=True)


def compose(curve: Curve, found: dict[str, Reached], others: dict[str, Figures]) -> Result:
    """The result: a way that never reached the target has figures and no ratio."""
    sent, figures, ratios = curve.sent[-1], dict[str, float | str | None](), dict[str, float]()
    for name, reached in found.items():
        figures |= {f"{name}_steps": float(reached.steps) if reached.is_reached else f"not in {reached.steps}"}
        figures |= {f"{name}_sent_bytes": float(reached.sent), f"{name}_stored_bytes": float(reached.stored)}
        if reached.is_reached:
            ratios[f"{name}_fewer_bytes"] = sent / reached.sent
            ratios[f"{name}_steps_over_ddp"] = reached.steps / curve.steps[-1]
    in_time = [
        sent / each.sent for each in found.values() if each.is_reached and each.steps <= STEPS_AIM * curve.steps[-1]
    ]
    if in_time:
        ratios["fewer_bytes_at_1.3x_steps"] = max(in_time)
    ddp: Figures = {"steps": float(curve.steps[-1]), "loss": curve.losses[-1], "sent_bytes": float(sent)}
    return Result("lowcomm", figures, {"ddp, gloo": ddp, **others}, ratios, AIMS, NOTES)
