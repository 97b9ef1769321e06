"""Axis `lowcomm`: bytes that a worker sends until the held-out loss is that of DDP, and the steps that this takes.

DDP's bytes are those that the kernel counted at its sockets; a way of rounds sends results that are blobs, and these
are weighed. Everybody has the same model, shards, batches and inner optimiser (`bench.lowcomm.setting`).
"""

import os
import tempfile
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

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
    Way("h95_int2", 95, {"compress": "int2"}, OUTER),
    Way("h100_float32", 100, {"compress": "float32"}, OUTER),
    Way("h100_int2", 100, {"compress": "int2"}, OUTER),
    Way("h150_int2", 150, {"compress": "int2"}, OUTER),
)
SEEDS: Final = (0, 1, 2)
"""Of the weights and of the orders in which workers read: all ways run by the first, by the others some for the aim."""
AGAIN: Final = tuple(way for way in WAYS if way.name in ("h50_int4", "h95_int2"))
NOTES: Final = (
    f"{WORKERS} workers; a Llama of 35,000 weights on Python's manual; the target is DDP's loss at {STEPS} steps",
    "everybody has one inner optimiser, which was tuned for nobody; rounds are whole, so steps come in multiples of H",
    "a way counts for the aim only if it reaches the target within 1.3 times DDP's steps; the aim is of the worst seed",
    "95 steps are the most of which four rounds are within 1.3 times DDP's",
    "flower, hivemind: the members' own steps as ours, their rounds each 50; bytes that the kernel counted at sockets",
    "sent: a worker's results; stored: with what error feedback leaves with the network, where any provider may go on",
    "to receive: a member fetches every member's results, and now and then a keyframe of 8 bytes a weight",
)


def run() -> Result:
    """The axis, measured now, in some minutes. Neither bytes nor steps tell how many of these were at work at once."""
    spawn, longest = get_context("spawn"), int(STEPS * LONGEST)
    with (
        tempfile.TemporaryDirectory(prefix="assay-bench-") as folder,
        ThreadPoolExecutor() as threads,
        ProcessPoolExecutor(os.cpu_count(), spawn) as processes,
    ):
        curves = dict(zip(SEEDS, threads.map(partial(curve_of, Path(folder)), SEEDS), strict=True))
        settings = {seed: prepare(made(Path(folder, f"rounds{seed}")), seed) for seed in SEEDS}
        others = threads.submit(ways_of_others, curves[SEEDS[0]].losses[-1], longest)
        tasks = {}
        for seed in SEEDS:
            for way in WAYS if seed == SEEDS[0] else AGAIN:
                most = longest if seed == SEEDS[0] else int(STEPS * STEPS_AIM) - way.steps + 1
                task = (settings[seed], way, curves[seed].losses[-1], most, print_line)
                tasks[way.name, seed] = processes.submit(follow, *task)
        found = {named: task.result() for named, task in tasks.items()}
        return compose(curves, found, others.result())


def curve_of(folder: Path, seed: int) -> Curve:
    """DDP's, with a line of what it came to."""
    curve = measure(folder / f"ddp{seed}", STEPS, EVERY, seed)
    print_line(f"  ddp, seed {seed}: {STEPS} steps, loss {curve.losses[-1]:.3f}, {curve.sent[-1]:,} bytes")
    return curve


def made(folder: Path) -> Path:
    """A folder, made now."""
    folder.mkdir()
    return folder


def print_line(line: str) -> None:
    """Say how far it has come."""
    print(line, flush=True)


def compose(
    curves: Mapping[int, Curve], found: Mapping[tuple[str, int], Reached], others: dict[str, Figures]
) -> Result:
    """The result: a way that never reached the target has figures and no ratio; the aim is of the worst seed."""
    figures, ratios = dict[str, float | str | None](), dict[str, float]()
    for (way, seed), reached in found.items():
        curve, name = curves[seed], way if seed == SEEDS[0] else f"{way}_seed_{seed}"
        figures |= {f"{name}_steps": float(reached.steps) if reached.is_reached else f"not in {reached.steps}"}
        if seed != SEEDS[0]:
            figures[f"{name}_loss_over_ddp"] = reached.loss - curve.losses[-1]
            continue
        figures |= {f"{name}_sent_bytes": float(reached.sent), f"{name}_stored_bytes": float(reached.stored)}
        if reached.is_reached:
            ratios[f"{name}_fewer_bytes"] = curve.sent[-1] / reached.sent
            ratios[f"{name}_steps_over_ddp"] = reached.steps / curve.steps[-1]
    best = {
        seed: best_in_time(curve, [each for (_, of), each in found.items() if of == seed])
        for seed, curve in curves.items()
    }
    ratios |= {f"fewer_bytes_at_1.3x_steps_seed_{seed}": ratio for seed, ratio in best.items()}
    ratios["fewer_bytes_at_1.3x_steps"] = min(best.values())
    curve = curves[SEEDS[0]]
    ddp: Figures = {"steps": float(curve.steps[-1]), "loss": curve.losses[-1], "sent_bytes": float(curve.sent[-1])}
    return Result("lowcomm", figures, {"ddp, gloo": ddp, **others}, ratios, AIMS, NOTES)


def best_in_time(curve: Curve, found: list[Reached]) -> float:
    """How many times fewer bytes the best way sends that reaches the target in time; 0 if none does."""
    most = STEPS_AIM * curve.steps[-1]
    return max((curve.sent[-1] / each.sent for each in found if each.is_reached and each.steps <= most), default=0.0)
