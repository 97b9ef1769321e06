"""How results are put together so that a few of them may be anything: coordinate-wise rules and Krum.

Trimmed mean and median (Yin et al. 2018) keep every coordinate between the honest ones; Krum (Blanchard et al. 2017)
takes the result that has the nearest neighbours. Bounding each result's length by a multiple of the median one keeps a
loud liar from deciding a mean. All of it is pure, and the same bits everywhere: sums go in the order of the results.

What a rule asks of whole results (lengths, distances) is settled first; then each piece is put together by itself, so
that beside the results no more than a piece is held.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import combinations
from typing import Final

import numpy as np

from assay.workloads.diloco.codes import Floats
from assay.workloads.diloco.sums import PIECE, dot

Results = Sequence[Floats]
Part = Callable[[int], Floats]
"""What results come to from a coordinate on, as far as a piece goes."""
Factors = Sequence[np.float32 | None]
Distances = list[list[float]]

CUTS: Final[Mapping[str, Callable[[int, int], int]]] = {
    "trimmed": lambda count, hostile: min(hostile, (count - 1) // 2),
    "median": lambda count, hostile: (count - 1) // 2,
}
"""How many of the smallest and of the largest of so many values are left out, `hostile` of which may be false."""
RULES: Final = ("mean", *CUTS, "krum")


def aggregate(results: Results, rule: str, hostile: int = 0, clip: float | None = None) -> Floats:
    """Return what results come to by a rule, of which `hostile` may be false; at least one result."""
    part = joining(results, rule, hostile, clip)
    return np.concatenate([part(at) for at in starts(results)])


def joining(results: Results, rule: str, hostile: int = 0, clip: float | None = None) -> Part:
    """Return the same a piece at a time."""
    factors = bounding(lengths(results), clip) if clip else [None] * len(results)
    if rule == "krum":
        chosen = krum(distances(results, factors), hostile)
        return lambda at: scaled(results[chosen], factors[chosen], at)
    return lambda at: join(rule, pieces(results, factors, at), hostile)


def leaving(results: Results, rule: str, hostile: int = 0, clip: float | None = None) -> Callable[[int], list[Floats]]:
    """Return, a piece at a time, what the others come to without each result; at least two results."""
    known = lengths(results) if clip else []
    groups: dict[tuple[np.float32 | None, ...], list[int]] = {}
    for without in range(len(results)):
        factors = bounding(known, clip, without) if clip else [None] * len(results)
        groups.setdefault(tuple(factors), []).append(without)
    chosen: dict[int, int] = {}
    if rule == "krum":
        chosen = {
            without: krum(apart, hostile, without)
            for factors, members in groups.items()
            for apart in [distances(results, factors)]
            for without in members
        }

    def part(at: int) -> list[Floats]:
        found: dict[int, Floats] = {}
        for factors, members in groups.items():
            rows = pieces(results, factors, at)
            ways = ((each, rows[chosen[each]]) for each in members) if chosen else leave(rule, rows, hostile, members)
            found |= dict(ways)
        return [found[each] for each in range(len(results))]

    return part


def starts(results: Results) -> range:
    """Return where each piece begins."""
    return range(0, len(results[0]), PIECE)


def lengths(results: Results) -> list[float]:
    """Return the length of each result."""
    return [math.sqrt(dot(each, each)) for each in results]


def bounding(known: Sequence[float], clip: float, without: int | None = None) -> list[np.float32 | None]:
    """Return by what each result is shortened to `clip` times the median length (of an even number the lower one)."""
    counted = sorted(length for at, length in enumerate(known) if at != without)
    limit = clip * counted[(len(counted) - 1) // 2]
    return [None if length <= limit else np.float32(limit / length) for length in known]


def scaled(result: Floats, factor: np.float32 | None, at: int) -> Floats:
    """Return a piece of a result that is bounded."""
    piece = result[at : at + PIECE]
    return piece if factor is None else piece * factor


def pieces(results: Results, factors: Factors, at: int) -> list[Floats]:
    """Return a piece of each result that is bounded."""
    return [scaled(each, factor, at) for each, factor in zip(results, factors, strict=True)]


def mean(rows: Sequence[Floats]) -> Floats:
    """Return the mean: of no use if a single result is false."""
    return reduce(np.add, rows) / np.float32(len(rows))


def join(rule: str, rows: list[Floats], hostile: int) -> Floats:
    """Return what a piece of all results comes to, coordinate by coordinate."""
    if rule == "mean":
        return mean(rows)
    cut = CUTS[rule](len(rows), hostile)
    return mean(ordered(rows)[cut : len(rows) - cut])


def leave(rule: str, rows: list[Floats], hostile: int, members: Sequence[int]) -> Iterator[tuple[int, Floats]]:
    """Yield what a piece comes to without each of these results: they are put in order once for all of them."""
    if rule == "mean":
        yield from ((each, mean([*rows[:each], *rows[each + 1 :]])) for each in members)
        return
    order, cut = ordered(rows), CUTS[rule](len(rows) - 1, hostile)
    kept = range(cut, len(rows) - 1 - cut)
    # Where the one that is left out lies at or below a place, the next one takes that place.
    yield from (
        (each, mean([np.where(rows[each] <= order[k], order[k + 1], order[k]) for k in kept])) for each in members
    )


def ordered(rows: Sequence[Floats]) -> list[Floats]:
    """Return the values of each coordinate in order, by exchanges of whole rows; zeros have no sign."""
    found = [row + np.float32(0) for row in rows]
    for turn in range(len(found)):
        for at in range(turn % 2, len(found) - 1, 2):
            low = np.minimum(found[at], found[at + 1])
            np.maximum(found[at], found[at + 1], out=found[at + 1])
            found[at] = low
    return found


def krum(apart: Distances, hostile: int, without: int | None = None) -> int:
    """Return which result has n - f - 2 others nearest, of equal ones the first."""
    counted = [at for at in range(len(apart)) if at != without]
    near = max(1, len(counted) - hostile - 2)
    sums = [math.fsum(sorted(apart[at][other] for other in counted if other != at)[:near]) for at in counted]
    return counted[sums.index(min(sums))]


def distances(results: Results, factors: Factors) -> Distances:
    """Return the squares of the distances of results that are bounded."""
    found = [[0.0] * len(results) for _ in results]
    for at in starts(results):
        rows = [each.astype(np.float64) for each in pieces(results, factors, at)]
        for one, other in combinations(range(len(rows)), 2):
            apart = rows[one] - rows[other]
            found[one][other] += dot(apart, apart)
            found[other][one] = found[one][other]
    return found
