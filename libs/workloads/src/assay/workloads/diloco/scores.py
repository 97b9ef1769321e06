"""What each result contributed: how far it points where the others point who are put together without it."""

import math
from collections.abc import Callable, Sequence
from typing import Final

from assay.workloads.diloco.codes import Floats
from assay.workloads.diloco.robust import aggregate, leaving, starts
from assay.workloads.diloco.sums import PIECE, dot

MILLION: Final = 1_000_000


def scores_ppm(results: Sequence[Floats], rule: str, hostile: int, clip: float | None) -> list[int]:
    """Return the cosine of each result and of what the others come to, in parts per million; 1 for one alone."""
    if len(results) == 1:
        return [MILLION]
    part = leaving(results, rule, hostile, clip)
    # Of each result: its own square, that of what the others come to, and the product of both.
    sums = [[0.0, 0.0, 0.0] for _ in results]
    for at in starts(results):
        for result, rest, held in zip(results, part(at), sums, strict=True):
            one = result[at : at + PIECE]
            for place, pair in enumerate(((one, one), (rest, rest), (one, rest))):
                held[place] += dot(*pair)
    return [round(MILLION * cosine(*held)) for held in sums]


def cosine(one: float, other: float, both: float) -> float:
    """Return the cosine of the angle of two vectors of such squares and such a product, 0 if one of them is nothing."""
    sizes = math.sqrt(one) * math.sqrt(other)
    return max(-1.0, min(1.0, both / sizes)) if sizes else 0.0


def gains(results: Sequence[Floats], loss: Callable[[Floats], float], rule: str, hostile: int) -> list[float]:
    """Return by how much the held-out loss is lower with each result than without it.

    `loss` says what it is after an outer step by such an update.
    """
    whole = loss(aggregate(results, rule, hostile))
    rest = [[*results[:at], *results[at + 1 :]] for at in range(len(results))]
    return [(loss(aggregate(each, rule, hostile)) if each else loss(results[0] * 0)) - whole for each in rest]
