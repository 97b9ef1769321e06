"""A curve as text: each character of the Braille block (Unicode 2800) is a field of two by four dots. Pure."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

EMPTY: Final = 0x2800
DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot, by row and column."""
WIDE, HIGH = 2, 4


def draw(points: Sequence[tuple[float, float]], columns: int, rows: int) -> list[str]:
    """Return lines that show the points, joined, over their own range; with fewer than two points none."""
    if len(points) < 2:
        return []
    dots = [scaled(point, span_of(points), columns * WIDE - 1, rows * HIGH - 1) for point in points]
    cells = [[EMPTY] * columns for _ in range(rows)]
    for one, other in pairwise(dots):
        for x, y in between(one, other):
            cells[y // HIGH][x // WIDE] |= DOTS[y % HIGH][x % WIDE]
    return ["".join(map(chr, row)) for row in cells]


def framed(points: Sequence[tuple[float, float]], columns: int, rows: int) -> list[str]:
    """Return the same with the largest and the smallest value before its first and last line."""
    lines = draw(points, columns, rows)
    if not lines:
        return []
    _, _, low, high = span_of(points)
    marks = [f"{high:.4g}", *[""] * (rows - 2), f"{low:.4g}"]
    width = max(map(len, marks))
    return [f"{mark:>{width}} ┤{line}" for mark, line in zip(marks, lines, strict=True)]


def span_of(points: Sequence[tuple[float, float]]) -> tuple[float, float, float, float]:
    """Return the least and the most of both coordinates."""
    xs, ys = zip(*points, strict=True)
    return min(xs), max(xs), min(ys), max(ys)


def scaled(
    point: tuple[float, float], span: tuple[float, float, float, float], right: int, down: int
) -> tuple[int, int]:
    """Return a point's dot, counted from the upper left."""
    left, end, low, high = span
    return round(share(point[0], left, end) * right), round(share(-point[1], -high, -low) * down)


def share(value: float, least: float, most: float) -> float:
    """Return how far a value is from the least to the most, from 0 to 1; halves never overflow."""
    return (value / 2 - least / 2) / (most / 2 - least / 2) if most / 2 > least / 2 else 0.5


def between(one: tuple[int, int], other: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the dots from one to the other."""
    steps = max(abs(other[0] - one[0]), abs(other[1] - one[1]), 1)
    return [
        (round(one[0] + (other[0] - one[0]) * step / steps), round(one[1] + (other[1] - one[1]) * step / steps))
        for step in range(steps + 1)
    ]
