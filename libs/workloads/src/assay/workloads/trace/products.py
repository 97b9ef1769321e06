"""Freivalds' check (1977) for products of matrices of floating-point numbers: C = AB is compared as Cr = A(Br).

That costs a pass over each matrix instead of a product, a hundredth of it. Rounding is measured against the size of Cr;
where the sum itself cancels, against the size of what was summed.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

TINY = 1e-30
# Longer sums are cut: a kernel's rounding grows with the length, and must stay below that of honest work.
SUM_MAX = 2048
# A sum of n rounded terms is off by a few units in the last place of what was summed.
CANCELLED = 4 * 2.0**-24


@dataclass(frozen=True)
class Product:
    """One product: beta · addend + alpha · left @ right."""

    left: Tensor
    right: Tensor
    addend: Tensor | None = None
    beta: float = 1.0
    alpha: float = 1.0


def product_of(args: Any, options: Any) -> Product:
    """Return the product that an operator computes from these arguments."""
    if len(args) == 2:
        return Product(args[0], args[1])
    return Product(args[1], args[2], args[0], options.get("beta", 1.0), options.get("alpha", 1.0))


def residual_of(product: Product, claimed: Tensor, vector: Tensor, precise: bool = False) -> float:
    """Return the distance of claimed · vector from the product's, over the size of the larger.

    With `precise` it is computed in float64, and over the size of what is summed if that cancels.
    """
    kind = torch.float64 if precise else torch.float32
    vector = vector.to(kind)
    found = apply(claimed.to(kind), vector)
    inner = apply(product.right.to(kind), vector)
    wanted = apply_each(product.left.to(kind), inner) * product.alpha
    if product.addend is not None:
        addend = product.addend.to(kind)
        wanted = wanted + (addend @ vector if addend.dim() == 1 else apply(addend, vector)) * product.beta
    scale = max(size_of(found), size_of(wanted))
    if precise:
        summed = apply_each(product.left.to(kind).abs(), inner.abs())
        scale = max(scale, size_of(summed) * CANCELLED / TOLERATED)
    apart = size_of(found - wanted)
    return apart / (scale + TINY) if apart == apart else float("nan")


# The product's own tolerance in float32: what cancels below it is measured against it.
TOLERATED = 2e-5


def apply(matrix: Tensor, vector: Tensor) -> Tensor:
    """Return every matrix of a batch times one vector."""
    return add_up([torch.matmul(matrix[..., part], vector[part]) for part in parts_of(matrix)])


def apply_each(matrix: Tensor, vectors: Tensor) -> Tensor:
    """Return every matrix of a batch times its own vector."""
    if matrix.dim() == 2:
        return apply(matrix, vectors)
    columns = vectors.unsqueeze(-1)
    return add_up([torch.matmul(matrix[..., part], columns[..., part, :]) for part in parts_of(matrix)]).squeeze(-1)


def parts_of(matrix: Tensor) -> list[slice]:
    """Return the columns in parts that are short enough for a kernel's own sums."""
    return [slice(start, start + SUM_MAX) for start in range(0, matrix.shape[-1], SUM_MAX)]


def add_up(sums: list[Tensor]) -> Tensor:
    """Return the sum in float64, in the type of its terms."""
    return sums[0] if len(sums) == 1 else torch.stack(sums).sum(0, dtype=torch.float64).to(sums[0].dtype)


def size_of(values: Tensor) -> float:
    """Return the root of the mean square."""
    norm = float(torch.linalg.vector_norm(values.double()))
    return norm / math.sqrt(max(values.numel(), 1))
