"""What each result contributed: how far it points where the others point who are put together without it."""

import math
from collections.abc import Callable, Sequence
from typing import Final

from assay.workloads.diloco.codes import Floats
from assay.workloads.diloco.robust import aggregate
from assay.workloads.diloco.sums import dot

MILLION: Final = 1_000_000


def scores_ppm(results: Sequence[Floats], rule: str, hostile: int, clip: float | None) -> list[int]:
    """Return the cosine of each result and of what the others come to, in parts per million; 1 for one alone."""
    if len(results) == 1:
        return [MILLION]
    others = ([*results[:at], *results[at + 1 :]] for at in range(len(results)))
    rest = (aggregate(each, rule, hostile, clip) for each in others)
    return [round(MILLION * cosine(one, other)) for one, other in zip(results, rest, strict=True)]


def cosine(one: Floats, other: Floats) -> float:
    """Return the cosine of the angle between two vectors, 0 if one of them is nothing."""
    lengths = math.sqrt(dot(one, one)) * math.sqrt(dot(other, other))
    return max(-1.0, min(1.0, dot(one, other) / lengths)) if lengths else 0.0


def gains(results: Sequence[Floats], loss: Callable[[Floats], float], rule: str, hostile: int) -> list[float]:
    """Return by how much the held-out loss is lower with each result than without it.

    `loss` says what it is after an outer step by such an update.
    """
    whole = loss(aggregate(results, rule, hostile))
    rest = [[*results[:at], *results[at + 1 :]] for at in range(len(results))]
    return [(loss(aggregate(each, rule, hostile)) if each else loss(results[0] * 0)) - whole for each in rest]
