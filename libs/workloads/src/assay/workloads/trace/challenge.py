"""The checker's random choices, which follow from the challenge's seed bit by bit, so that anyone can repeat them.

Vectors have entries of either sign and a size in [1, 2): no entry is small enough to hide an error behind, and no two
errors cancel but by chance.
"""

import numpy as np
import torch
from blake3 import blake3
from numpy.typing import NDArray
from torch import Tensor

VECTOR, ROWS = b"assay.trace.vector.1", b"assay.trace.rows.1"
SIGN_AND_FRACTION, EXPONENT_OF_ONE = np.uint32(0x807FFFFF), np.uint32(0x3F800000)


def draw_vector(seed: str, step: int, operator: int, size: int) -> Tensor:
    """Return `size` float32 numbers, uniform in ±[1, 2)."""
    bits = draw_bits(VECTOR, seed, step, operator, size)
    return torch.from_numpy(((bits & SIGN_AND_FRACTION) | EXPONENT_OF_ONE).view(np.float32))


def draw_rows(seed: str, step: int, operator: int, count: int, total: int) -> Tensor:
    """Return places below `total`, rising, from `count` draws with return; all, if as many are drawn as there are."""
    if count >= total:
        return torch.arange(total)
    bits = draw_bits(ROWS, seed, step, operator, count)
    return torch.from_numpy(np.unique(bits.astype(np.int64) % total))


def draw_bits(domain: bytes, seed: str, step: int, operator: int, count: int) -> NDArray[np.uint32]:
    """Return `count` random 32-bit numbers of an operator."""
    key = domain + bytes.fromhex(seed) + step.to_bytes(8, "big") + operator.to_bytes(8, "big")
    return np.frombuffer(blake3(key).digest(length=4 * count), "<u4")
