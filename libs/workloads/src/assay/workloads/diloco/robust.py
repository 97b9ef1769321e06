"""How results are put together so that a few of them may be anything: coordinate-wise rules and Krum.

Trimmed mean and median (Yin et al. 2018) keep every coordinate between the honest ones; Krum (Blanchard et al. 2017)
takes the result that has the nearest neighbours. Bounding each result's length by a multiple of the median one keeps a
loud liar from deciding a mean. All of it is pure, and the same bits everywhere: sums go in the order of the results.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Final

import numpy as np

from assay.workloads.diloco.codes import Floats
from assay.workloads.diloco.sums import dot

PIECE: Final = 1 << 18
Results = Sequence[Floats]


def aggregate(results: Results, rule: str, hostile: int = 0, clip: float | None = None) -> Floats:
    """Return what results come to by a rule, of which `hostile` may be false; at least one result."""
    bounded = bound(results, clip) if clip else results
    return RULES[rule](bounded, hostile)


def bound(results: Results, clip: float) -> list[Floats]:
    """Return the results, each no longer than `clip` times the median length (of an even number the lower one)."""
    lengths = [math.sqrt(dot(each, each)) for each in results]
    limit = clip * sorted(lengths)[(len(lengths) - 1) // 2]
    return [
        each if length <= limit else each * np.float32(limit / length)
        for each, length in zip(results, lengths, strict=True)
    ]


def mean(results: Results, hostile: int) -> Floats:
    """Return the mean: of no use if a single result is false."""
    return reduce(np.add, results) / np.float32(len(results))


def trimmed(results: Results, hostile: int) -> Floats:
    """Return the mean of each coordinate without its `hostile` smallest and largest values, or as many as there are."""
    return by_coordinate(results, min(hostile, (len(results) - 1) // 2))


def median(results: Results, hostile: int) -> Floats:
    """Return the median of each coordinate."""
    return by_coordinate(results, (len(results) - 1) // 2)


def by_coordinate(results: Results, cut: int) -> Floats:
    """Return the mean of each coordinate without `cut` values at either end."""
    pieces = range(0, len(results[0]), PIECE)
    kept = (np.sort([each[at : at + PIECE] for each in results], axis=0)[cut : len(results) - cut] for at in pieces)
    return np.concatenate([mean(list(rows), 0) for rows in kept])


def krum(results: Results, hostile: int) -> Floats:
    """Return the result whose nearest n - f - 2 others are nearest, of equal ones the first."""
    near = max(1, len(results) - hostile - 2)
    apart = [[square_between(one, other) for other in results] for one in results]
    sums = [math.fsum(sorted(row[:at] + row[at + 1 :])[:near]) for at, row in enumerate(apart)]
    return results[sums.index(min(sums))]


def square_between(one: Floats, other: Floats) -> float:
    """Return the square of the distance of two results."""
    apart = one.astype(np.float64) - other
    return dot(apart, apart)


RULES: Final[Mapping[str, Callable[[Results, int], Floats]]] = {
    "mean": mean,
    "trimmed": trimmed,
    "median": median,
    "krum": krum,
}
