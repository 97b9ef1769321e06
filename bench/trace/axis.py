"""Axis `trace`: what checking a step from its trace costs beside computing it again, and what tells honest from cheat.

All times are processor time of one thread, in one run. A full replay costs what the step costs. The commitment is a
copy of the state and its digest, in segments as long as the hash rule asks.
"""

import tempfile
from pathlib import Path
from typing import Final

import torch

from assay.proof.cutting import steps_enough
from assay.proof.digest import state_digest
from assay.workloads.memory import STATE_BYTES
from assay.workloads.trace.check import check_trace
from assay.workloads.trace.opening import bytes_of
from bench.result import Result
from bench.trace.cheats import SEED, in_bytes, in_half, one_element, residuals
from bench.trace.model_step import ModelStep, least_s, prepare

AIMS: Final = {
    "step_over_check_at_1024": 1 / 0.15,
    "cheat_over_honest": 100.0,
    "bf16_8_bits_flagged": 1.0,
    "training_over_commit": 200.0,
}
JOB_STEPS: Final = 100_000


def run() -> Result:
    """The axis, measured now, in about a minute and a half."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        narrow = prepare(Path(folder), 512, 2, 16, 128)
        figures, ratios = measure_check(narrow, "512")
        figures |= measure_cheats(narrow, ratios)
        narrow.path.unlink()
        figures |= measure_half(prepare(Path(folder), 512, 1, 8, 128, half=True), ratios)
        wide = prepare(Path(folder), 1024, 1, 64, 128)
        more, ratio = measure_check(wide, "1024")
        ratios |= ratio
        figures |= more | measure_commit(wide, ratios)
    replay = {"replay_over_step": 1.0, "step_s_at_512": narrow.step_s, "step_s_at_1024": wide.step_s}
    notes = (
        "GPT trained whole with AdamW: width 512 with 2 layers on 2,048 tokens, width 1,024 with 1 on 8,192",
        "the check reads, hashes and compares the whole opening; the worker's record is paid for drawn segments alone",
    )
    return Result("trace", figures, {"full replay": replay}, ratios, AIMS, notes)


def measure_check(step: ModelStep, name: str) -> tuple[dict[str, float | str | None], dict[str, float]]:
    """What the check of a step costs, and the worst honest residual."""
    report = check_trace(step.path, SEED, step.spec)
    check_s = least_s(lambda: check_trace(step.path, SEED, step.spec), 2)
    print(f"  width {name}: {check_s:.3g} s check, {step.step_s:.3g} s step", flush=True)
    figures = {
        f"check_over_step_at_{name}": check_s / step.step_s,
        f"record_over_step_at_{name}": step.record_s / step.step_s,
        f"trace_mb_at_{name}": step.trace_bytes / 1e6,
        f"false_findings_at_{name}": float(len(report.findings)),
        f"honest_residual_at_{name}": max(report.worst.values()),
    }
    return dict(figures), {f"step_over_check_at_{name}": step.step_s / check_s}


def measure_cheats(step: ModelStep, ratios: dict[str, float]) -> dict[str, float | str | None]:
    """The weakest product of each cheat, over the worst honest one."""
    honest = max(check_trace(step.path, SEED, step.spec).worst.values())
    ways = {"bfloat16": in_half, "8_bits": in_bytes, "one_element": one_element}
    weakest = {f"weakest_{name}": min(residual for residual, _ in residuals(step, way)) for name, way in ways.items()}
    ratios["cheat_over_honest"] = min(weakest["weakest_bfloat16"], weakest["weakest_8_bits"]) / honest
    return dict(weakest)


def measure_half(step: ModelStep, ratios: dict[str, float]) -> dict[str, float | str | None]:
    """In a bfloat16 job: the worst honest residual, and the share of 8-bit products that are found one by one."""
    report = check_trace(step.path, SEED, step.spec)
    found = [residual > limit for residual, limit in residuals(step, in_bytes)]
    # Whoever computes in 8 bits does so in all products, and one that is over its limit convicts.
    ratios["bf16_8_bits_flagged"] = float(any(found) and report.passed)
    return {
        "bf16_false_findings": float(len(report.findings)),
        "bf16_honest_residual": max(report.worst.values()),
        "bf16_8_bit_products_found": sum(found) / len(found),
    }


def measure_commit(step: ModelStep, ratios: dict[str, float]) -> dict[str, float | str | None]:
    """What committing the state costs in segments of the length that the hash rule gives."""
    state_bytes = STATE_BYTES * step.parameters
    commit_s = least_s(lambda: commit(step), 3)
    length = steps_enough(step.step_s, commit_s, JOB_STEPS)
    ratios["training_over_commit"] = length * step.step_s / commit_s
    return {
        "commit_gb_per_s": state_bytes / commit_s / 1e9,
        "segment_steps": float(length),
        "commit_share": commit_s / (length * step.step_s),
    }


def commit(step: ModelStep) -> str:
    """The digest of a copy of the state."""
    copied = {name: tensor.clone() for name, tensor in step.spec.state.items()}
    return state_digest(
        (name, "F32", tuple(each.shape), bytes_of(each, tuple(range(each.dim())))) for name, each in copied.items()
    )
