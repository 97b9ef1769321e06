"""Integers by number, from the one counter-based generator of this room, as arrays."""

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from assay.workloads.numerics.generator import philox, split

Counter = tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike]


Seed = int | NDArray[np.int64]
"""A seed of 64 bits, or one for each counter; they broadcast."""


def draw_words(seed: Seed, counter: Counter) -> tuple[NDArray[np.int64], ...]:
    """Return four arrays of 32-bit words for each counter, of four 32-bit words that broadcast, under a 64-bit seed."""
    a, b, c, d = (torch.from_numpy(word.copy()) for word in np.broadcast_arrays(*map(as_integers, counter)))
    key: Any = split(seed) if isinstance(seed, int) else tuple(map(torch.from_numpy, split(seed)))  # type: ignore[arg-type]
    return tuple(word.numpy() for word in philox((a, b, c, d), key))


def as_integers(word: ArrayLike) -> NDArray[np.int64]:
    """Return counter words as the generator takes them."""
    return np.asarray(word, np.int64)
