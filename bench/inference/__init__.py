"""Axis `inference`: what it costs to check generated text, how small its proof is, and which cheats are found.

Providers are processes of their own, on several settings of the instruction set; the checker here runs the same check
as the network's, on the plain setting. Costs are processor time, measured in the same run.
"""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np

from assay.proof.digest import blob_digest
from assay.schema.job import JobSpec
from assay.workloads import HeldInputs, ModelStore
from assay.workloads.generate.answers import Answer, write_proof
from assay.workloads.generate.forms import FORMS
from assay.workloads.generate.sketch import CHUNK_TOKENS, NUMBERS, chunks_of
from assay.workloads.smollm2 import SMOLLM2
from bench.inference.behaviours import CHEATS
from bench.inference.outcomes import Outcome, Setting, outcomes_of
from bench.inference.prompts import prompts
from bench.result import Result

REQUESTS: Final = 8
TOKENS: Final = 40
AUDITED: Final = 0.05
COST_BUDGET: Final = 0.02
PROOF_BYTES_BUDGET: Final = 16.0
AIMS: Final = {
    "cost_budget_over_cost": 1.0,
    "proof_budget_over_proof": 1.0,
    "honest_accepted": 1.0,
    "cheats_found": 1.0,
}
AVX2: Final = (("ATEN_CPU_CAPABILITY", "avx2"), ("ONEDNN_MAX_CPU_ISA", "AVX2"))
SCALAR: Final = (("ATEN_CPU_CAPABILITY", "default"), ("MKL_CBWR", "COMPATIBLE"), ("ONEDNN_MAX_CPU_ISA", "SSE41"))
PLAIN: Final = "honest"
SAMPLE: Final = {
    "float32": (
        "last layer dropped",
        "int4 weights",
        "another model (tuned)",
        "int4 decode, right prefill",
    ),
    "bfloat16": ("last layer dropped", "int4 weights", "int4 decode, right prefill"),
}
"""The cheats of the aim, which the whole axis of verification tries; `python -m bench inference` tries all."""
COMPARED: Final = (
    "last layer dropped",
    "middle layer dropped",
    "int8 weights",
    "weights + 2 % noise",
    "another model (tuned)",
)
"""The cheats by whose states the two forms of sketches are compared."""
# Eight bits round a weight hardly more than bfloat16 does: measured and shown, but no aim.
UNPROMISED: Final = frozenset({"int8 weights (bfloat16)", "int8 decode, right prefill (bfloat16)"})
NOTES: Final = (
    "residuals in the table are in units of their limits: worst chunk, mean of chunks, worst token, mean of tokens",
    "the proof is the tokens, 4 bytes each, with the sketches; the text is the answer itself, opened with it",
    "int8 weights in a bfloat16 job are no part of the aim: over so few tokens they differ by little more than honest "
    "machines do (docs/adr/0011-inference-check.md)",
    "the forms of sketches are compared by the same cheats: the mean distance of the worst honest one and of the "
    "least cheat, in units of the limit; the aims are of the projection, which is the usual one",
)


def settings_of(dtype: str) -> list[Setting]:
    """The provider processes of one number type."""
    honest = [
        Setting((PLAIN,), dtype),
        Setting(("honest, AVX2",), dtype, AVX2),
        Setting(("honest, two threads",), dtype, threads=2),
    ]
    if dtype == "float32":
        honest.append(Setting(("honest, no vectors",), dtype, SCALAR))
        return [*honest, Setting(("bfloat16 instead of float32",), "bfloat16"), Setting(tuple(CHEATS), dtype)]
    return [*honest, Setting(tuple(CHEATS), dtype)]


def sample_of(dtype: str) -> list[Setting]:
    """Two honest processes of one number type, and one that cheats."""
    return [Setting((PLAIN,), dtype), Setting(("honest, AVX2",), dtype, AVX2), Setting(SAMPLE[dtype], dtype)]


def compared_of(dtype: str) -> list[Setting]:
    """Two honest processes of one number type, and one that cheats by its states."""
    return [Setting((PLAIN,), dtype), Setting(("honest, AVX2",), dtype, AVX2), Setting(COMPARED, dtype)]


def run() -> Result:
    """The axis, measured now, and beside it TOPLOC's format; about fifteen minutes of one processor."""
    return measure({"projection": settings_of, "toploc": compared_of})


def sample() -> Result:
    """The part of it that the axis of verification takes; about two minutes of one processor."""
    return measure({"projection": sample_of})


def measure(settings: dict[str, Callable[[str], list[Setting]]]) -> Result:
    """What the check finds of these processes, by the form of their sketches, in both number types."""
    root = Path(os.environ.get("ASSAY_MODELS_DIR", "var/models"))
    if SMOLLM2 not in ModelStore(root):
        return without_model()
    text = "".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts(REQUESTS))
    inputs = HeldInputs(ModelStore(root), {blob_digest(text.encode()): text.encode()})
    found = {
        form: [
            outcome
            for dtype in ("float32", "bfloat16")
            for outcome in outcomes_of(of_form(dtype), spec_of(dtype, text, form), text, inputs)
        ]
        for form, of_form in settings.items()
    }
    result = compose(found["projection"])
    return replace(result, figures={**result.figures, **compare(found)}) if len(found) > 1 else result


def without_model() -> Result:
    """What is known where no model is installed: how large a proof is follows from its format alone."""
    chunks = np.zeros((chunks_of(TOKENS), NUMBERS), dtype=np.float16)
    answers = [Answer(request, np.zeros(TOKENS, dtype=np.int64), chunks) for request in range(REQUESTS)]
    proof = len(write_proof(answers)) / (REQUESTS * TOKENS)
    figures: dict[str, float | str | None] = {"model": "not installed", "proof_bytes_a_token": proof}
    return Result("inference", figures, {}, {"proof_budget_over_proof": PROOF_BYTES_BUDGET / proof}, AIMS, NOTES)


def spec_of(dtype: str, text: str, sketch: str) -> JobSpec:
    """The job: one segment of so many requests."""
    params = {"model": SMOLLM2, "prompts": blob_digest(text.encode()), "requests": REQUESTS, "batch": REQUESTS}
    params |= {
        "segment_requests": REQUESTS,
        "max_tokens": TOKENS,
        "dtype": dtype,
        "threads": 1,
        "seed": 5,
        "sketch": sketch,
    }
    return JobSpec.model_validate(
        {"kind": "generate", "params": params, "segments": 1, "segment_units": REQUESTS * TOKENS}
    )


def compare(found: dict[str, list[Outcome]]) -> dict[str, float | str | None]:
    """What each form of sketches takes, and how far it finds the worst honest one and the least cheat."""
    figures: dict[str, float | str | None] = {}
    for form, outcomes in found.items():
        figures[f"{form}_bytes_a_token"] = FORMS[form].claimed.chunk_bytes / CHUNK_TOKENS
        for dtype in ("float32", "bfloat16"):
            of_type = [each for each in outcomes if each.dtype == dtype]
            honest = max(each.worst("mean_distance") for each in of_type if each.name in (PLAIN, "honest, AVX2"))
            cheats = min(each.worst("mean_distance") for each in of_type if each.name in COMPARED)
            figures |= {f"{form}_{dtype}_honest_worst": honest, f"{form}_{dtype}_cheat_least": cheats}
        missed = [f"{each.name} ({each.dtype})" for each in outcomes if each.name in COMPARED and each.accepted]
        figures[f"{form}_missed_of_compared"] = ", ".join(missed) or "none"
    return figures


def compose(found: list[Outcome]) -> Result:
    """The result: ratios are budgets over what was measured, and shares of verdicts that are right."""
    honest = [each for each in found if each.name.startswith(PLAIN)]
    cheats = [each for each in found if not each.name.startswith(PLAIN)]
    plain = {each.dtype: each.check_s / each.made_s for each in honest if each.name == PLAIN}
    cost = max(plain.values()) * AUDITED
    proof = median(each.proof_bytes / each.tokens for each in honest)
    figures: dict[str, float | str | None] = {f"check_over_generate_{dtype}": ratio for dtype, ratio in plain.items()}
    figures |= {"cost_at_5_percent_audited": cost, "proof_bytes_a_token": proof}
    figures |= {"tokens_checked": float(sum(each.tokens for each in found))}
    figures |= {"honest": float(len(honest)), "cheats": float(len(cheats))}
    missed = {f"{each.name} ({each.dtype})" for each in cheats if each.accepted}
    promised = {f"{each.name} ({each.dtype})" for each in cheats} - UNPROMISED
    ratios = {
        "cost_budget_over_cost": COST_BUDGET / cost,
        "proof_budget_over_proof": PROOF_BYTES_BUDGET / proof,
        "honest_accepted": sum(each.accepted for each in honest) / len(honest),
        "cheats_found": 1 - len(missed & promised) / len(promised),
    }
    return Result("inference", figures | {"missed": ", ".join(sorted(missed)) or "none"}, {}, ratios, AIMS, NOTES)
