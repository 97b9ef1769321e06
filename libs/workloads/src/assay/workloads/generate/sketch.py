"""The sketch of a completion: eight numbers for every 32 tokens, projected from the states the tokens were chosen by.

A random projection keeps relative distances (Johnson and Lindenstrauss), so two runs of one model have nearly the same
sketch and those of another model do not. A chunk's projection takes in every number of its 32 states; signs and their
order follow from the job's seed. Half precision: 16 bytes for 32 tokens, and rounding stays below 5e-4 of a number.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.workloads.generate.draws import draw_words

CHUNK_TOKENS = 32
NUMBERS = 8
PROJECTION = 1
"""The last word of the counter in the draws of signs."""

Sketch = NDArray[Any]
"""Of each chunk a row of numbers: here eight of half precision, in other forms (`forms`) as many as they take."""


def draw_projection(seed: int, width: int) -> Tensor:
    """Return the signs of a job's projection (place in the chunk, width, numbers), scaled to keep sizes."""
    count = CHUNK_TOKENS * width * NUMBERS
    words = np.stack(draw_words(seed, (np.arange(-(-count // 128)), 0, 0, PROJECTION)), axis=1)
    bits = np.unpackbits(words.astype("<u4").view(np.uint8).ravel(), count=count)
    signs = bits.astype(np.float32).reshape(CHUNK_TOKENS, width, NUMBERS) * 2 - 1
    return torch.from_numpy(signs * np.float32((CHUNK_TOKENS * width) ** -0.5))


def project(states: Tensor, position: int, projection: Tensor) -> Tensor:
    """Return what states (rows, width) at one position of their completions add to their sketches (rows, numbers)."""
    added: Tensor = states.float() @ projection[position % CHUNK_TOKENS]
    return added


def fold(added: Tensor) -> Sketch:
    """Return the sketch of one completion (chunks, numbers) from what each token added to it."""
    missing = -len(added) % CHUNK_TOKENS
    padded = torch.nn.functional.pad(added, (0, 0, 0, missing))
    sums: Sketch = padded.reshape(-1, CHUNK_TOKENS, NUMBERS).sum(dim=1).cpu().numpy().astype("<f2")
    return sums


def fault_of(sketch: Sketch) -> str:
    """Return what is wrong with the numbers of a sketch, or nothing."""
    return "" if np.isfinite(sketch).all() else "numbers that are not finite"


def chunks_of(tokens: int) -> int:
    """Return how many chunks so many tokens have."""
    return -(-tokens // CHUNK_TOKENS)


def distances(mine: Sketch, claimed: Sketch) -> NDArray[np.float64]:
    """Return for each chunk how far the claimed sketch is from mine, in units of mine."""
    own, other = mine.astype(np.float64), claimed.astype(np.float64)
    size = np.maximum(np.linalg.norm(own, axis=1), np.finfo(np.float16).tiny)
    apart: NDArray[np.float64] = np.linalg.norm(own - other, axis=1) / size
    return apart
