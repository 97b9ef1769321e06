"""Sums that are the same bits on every IEEE-754 machine: additions of whole halves, in an order that is fixed.

numpy's own sums go by the width of the processor's registers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]
PIECE = 1 << 16


def tree_sum(rows: Floats) -> Floats:
    """Return the sum of each row of a matrix."""
    width = 1 << max(0, rows.shape[1] - 1).bit_length()
    if width != rows.shape[1]:
        rows = np.pad(rows, ((0, 0), (0, width - rows.shape[1])))
    while width > 1:
        width //= 2
        rows = rows[:, :width] + rows[:, width:]
    return rows[:, 0]


def dot(one: Floats, other: Floats) -> float:
    """Return the product of two vectors in float64, a piece at a time."""
    total = 0.0
    for at in range(0, len(one), PIECE):
        products = one[at : at + PIECE].astype(np.float64) * other[at : at + PIECE].astype(np.float64)
        total += float(tree_sum(products[None])[0])
    return total
