"""Verdicts from residuals: the worst of an answer, the means of a sample."""

from itertools import pairwise

import numpy as np
import pytest

from assay.workloads.generate.limits import (
    AGREES,
    LIMITS,
    SAMPLE_TOKENS_MIN,
    WRONG_STATES,
    WRONG_TOKENS,
    judge,
    limits_between,
)
from assay.workloads.generate.prefill import Residual

FINE = limits_between("projection", "float32", "float32")


def residual(request: int, distance: float, margin: float, tokens: int = SAMPLE_TOKENS_MIN) -> Residual:
    return Residual(request, np.full(-(-tokens // 32), distance), np.full(tokens, margin))


@pytest.mark.parametrize("sketch", LIMITS)
def test_limits_are_those_of_both_number_types(sketch: str) -> None:
    mixed = limits_between(sketch, "bfloat16", "float32")
    assert mixed == limits_between(sketch, "float32", "bfloat16") == LIMITS[sketch][1]
    assert limits_between(sketch, "bfloat16", "bfloat16") == LIMITS[sketch][2]
    for sharper, blunter in pairwise(LIMITS[sketch]):
        assert sharper.chunk_distance < blunter.chunk_distance
        assert sharper.mean_margin < blunter.mean_margin


@pytest.mark.parametrize(
    ("distance", "margin", "code"),
    [
        (0.0, 0.0, AGREES),
        (FINE.chunk_distance * 1.1, 0.0, WRONG_STATES),
        (0.0, FINE.token_margin * 1.1, WRONG_TOKENS),
        (FINE.chunk_distance * 1.1, FINE.token_margin * 1.1, WRONG_STATES),
    ],
)
def test_the_worst_of_an_answer_judges_it(distance: float, margin: float, code: str) -> None:
    found = judge([residual(3, distance, margin, 40), residual(4, 0.0, 0.0, 40)], FINE)
    assert [(finding.request, finding.code) for finding in found] == [(3, code), (4, AGREES)]
    assert found[0].passed == (found[0].worst <= 1) == (code == AGREES)


def test_what_is_small_in_each_answer_is_found_in_the_mean_of_many() -> None:
    coarse = LIMITS["projection"][1]
    small = [residual(request, coarse.mean_distance * 2, 0.0) for request in range(40)]
    assert [finding.request for finding in judge(small, coarse) if not finding.passed] == [None]
    assert all(finding.passed for finding in judge(small[:1], coarse))
