"""How far an honest answer may be from the model, and what is found of one that is farther.

The limits were measured (docs/adr/0011-inference-check.md). Those of an answer bound its worst chunk and its worst
token; those of a sample bound the means over all answers drawn, which find what is small in each. A mean over few may
be farther off, so its limit is wider, and too few are not judged by it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.workloads.generate.prefill import Residual

AGREES, WRONG_STATES, WRONG_TOKENS = "segment.prefill_agrees", "segment.wrong_states", "segment.wrong_tokens"
WRONG_TEXT = "segment.wrong_text"


SAMPLE_TOKENS_MIN = 128
"""Fewer tokens have no mean that says anything."""
DISTANCE_SPREAD, MARGIN_SPREAD = 4.0, 20.0
"""How much wider a mean's limit is over one chunk, and over one token; it narrows with the root of their number."""


@dataclass(frozen=True)
class Limits:
    """What is allowed: distances of sketches, margins of tokens in logits; the means over very many."""

    chunk_distance: float
    token_margin: float
    mean_distance: float
    mean_margin: float


MARGINS = ((0.01, 1e-4), (1.0, 0.0025), (1.5, 0.004))
DISTANCES = {
    "projection": ((1e-3, 2e-4), (0.15, 0.02), (0.2, 0.028)),
    "toploc": ((0.15, 0.02), (0.6, 0.2), (0.8, 0.28)),
}
"""Of the worst chunk and of the mean; of TOPLOC in units of what its authors tolerate, held against SmolLM2."""
LIMITS = {
    form: tuple(
        Limits(chunk, token, mean_chunk, mean_token)
        for (chunk, mean_chunk), (token, mean_token) in zip(distances, MARGINS, strict=True)
    )
    for form, distances in DISTANCES.items()
}
"""By the form of sketches, and by how many of the two, provider and checker, compute in bfloat16."""


@dataclass(frozen=True)
class GenerationFinding:
    """What was found of one request's answer, or (`request` None) of all drawn answers together.

    `residuals` are what was measured, each by its limit: above 1 is too far.
    """

    request: int | None
    passed: bool
    code: str
    residuals: dict[str, float]

    @property
    def worst(self) -> float:
        """The largest residual, in units of its limit."""
        return max(self.residuals.values(), default=0.0)


def limits_between(sketch: str, job_dtype: str, checker_dtype: str) -> Limits:
    """Return the limits for answers under sketches of a form, in one number type, that are checked in another."""
    return LIMITS[sketch][(job_dtype, checker_dtype).count("bfloat16")]


def judge(residuals: Sequence[Residual], limits: Limits) -> list[GenerationFinding]:
    """Return a finding for each answer, and one for all of them together if there is enough of them."""
    found = [judge_answer(residual, limits) for residual in residuals]
    if sum(len(residual.margins) for residual in residuals) >= SAMPLE_TOKENS_MIN:
        found.append(judge_sample(residuals, limits))
    return found


def judge_answer(residual: Residual, limits: Limits) -> GenerationFinding:
    """Return the finding on one answer: its worst chunk and its worst token."""
    distance = float(residual.distances.max()) / limits.chunk_distance
    margin = float(residual.margins.max()) / limits.token_margin
    return finding_of(residual.request, {"chunk_distance": distance, "token_margin": margin})


def judge_sample(residuals: Sequence[Residual], limits: Limits) -> GenerationFinding:
    """Return the finding on all answers together: the means over their chunks and their tokens."""
    distances = np.concatenate([residual.distances for residual in residuals])
    margins = np.concatenate([residual.margins for residual in residuals])
    distance = float(distances.mean()) / limits.mean_distance / widening(DISTANCE_SPREAD, len(distances))
    margin = float(margins.mean()) / limits.mean_margin / widening(MARGIN_SPREAD, len(margins))
    return finding_of(None, {"mean_distance": distance, "mean_margin": margin})


def widening(spread: float, count: int) -> float:
    """Return by how much the limit of a mean over so many is wider than that over very many."""
    return 1 + spread / math.sqrt(count)


def finding_of(request: int | None, residuals: dict[str, float]) -> GenerationFinding:
    """Return the finding that follows from a distance and a margin, each in units of its limit."""
    distance, margin = residuals.values()
    code = WRONG_STATES if distance > 1 else WRONG_TOKENS if margin > 1 else AGREES
    return GenerationFinding(request, code == AGREES, code, residuals)
