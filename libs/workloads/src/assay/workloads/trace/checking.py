"""The check of one step: every operator from committed inputs, so that rounding never adds up.

No operator is skipped: a trace made up around one wrong operator is right everywhere else. What lies further off than a
mean may is looked at again in float64, with fresh randomness, before it counts.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.fx.node import map_aggregate, map_arg

from assay.workloads.trace.blocks import is_backward, key_of, summed_backward, take_arguments, take_blocks
from assay.workloads.trace.challenge import draw_rows, draw_vector
from assay.workloads.trace.claims import Claim, claims_of
from assay.workloads.trace.errors import BadOpening
from assay.workloads.trace.plan import Plan
from assay.workloads.trace.products import product_of, residual_of
from assay.workloads.trace.rows import RowReader
from assay.workloads.trace.rules import Rule
from assay.workloads.trace.tolerances import TOLERANCES, Tolerance, tolerance_of
from assay.workloads.trace.values import StepValues, to_double, to_single

SECOND_LOOK = 1 << 32
TINY = 1e-30
# Rounding of what cancels, a few units in the last place of what is summed, is to look like a mean of what does not.
CANCELLED = 4 * 2.0**-24 / TOLERANCES[Rule.BLOCKWISE, "float32"].mean


@dataclass(frozen=True)
class Sampling:
    """How many rows of a result are looked at: a share of them, and never fewer than so many."""

    rows_min: int = 44
    share: float = 1 / 16

    def count(self, total: int) -> int:
        """Return how many rows are drawn of `total`."""
        return min(total, max(self.rows_min, math.ceil(total * self.share)))


@dataclass(frozen=True)
class Residual:
    """How far one operator's committed result lies from the checker's, and how far it may."""

    step: int
    claim: Claim
    residual: float
    tolerance: Tolerance


@dataclass(frozen=True)
class StepCheck:
    """The check of one step: its inputs, and what was committed for it."""

    plan: Plan
    number: int
    values: StepValues
    seed: str
    sampling: Sampling = field(default=Sampling())

    def residuals(self) -> Iterator[Residual]:
        """Yield a residual for every claim of the step. Raises BadOpening for one that holds no numbers."""
        for node, claims in claims_of(self.plan):
            for claim in claims:
                yield self.residual_of(claim)
            self.values.forget(node)

    def residual_of(self, claim: Claim) -> Residual:
        """Return the residual of one claim. Raises BadOpening for one that holds no numbers."""
        tolerance = tolerance_of(claim.rule, claim.leaf.dtype)
        found = self.measure(claim)
        if not found <= tolerance.mean:
            self._refuse_no_numbers(claim)
            # In this order, what float32 could not hold is what float64 says.
            found = min(self.measure(claim, precise=True), found)
        return Residual(self.number, claim, found, tolerance)

    def measure(self, claim: Claim, precise: bool = False) -> float:
        """Return how far a claim lies from what this machine computes."""
        results = {place: self.values.read(part) for place, part in claim.parts.items()}
        rule = claim.rule if claim.total or claim.rule is Rule.PRODUCT else Rule.WHOLE
        return MEASURES[rule](self, claim, results, precise)

    def draw(self, claim: Claim) -> Tensor:
        """Return the rows or blocks of a claim that are looked at."""
        index = self.plan.index[claim.node]
        return draw_rows(self.seed, self.number, index, self.sampling.count(claim.total), claim.total)

    def _refuse_no_numbers(self, claim: Claim) -> None:
        for part in claim.parts.values():
            value = self.values.read(part)
            # A mask may hold infinities, a sum of products never does.
            wrong = ~torch.isfinite(value) if claim.rule is Rule.PRODUCT else torch.isnan(value)
            if wrong.any():
                raise BadOpening(self.number, claim.leaf.index, part.name, "it holds NaN or an infinity.")


Results = Mapping[int | None, Tensor]


def measure_product(check: StepCheck, claim: Claim, results: Results, precise: bool) -> float:
    """The residual of a product, against a random vector."""
    turn = check.plan.index[claim.node] + (SECOND_LOOK if precise else 0)
    vector = draw_vector(check.seed, check.number, turn, results[None].shape[-1])
    args, options = check.values.arguments(claim.node)
    return residual_of(product_of(args, options), results[None], vector, precise)


def measure_rows(check: StepCheck, claim: Claim, results: Results, precise: bool) -> float:
    """The residual of some rows."""
    reader = RowReader(check.plan, check.values, claim.shape, check.draw(claim), precise)
    return largest(reader.compute(claim), {place: reader.take(result) for place, result in results.items()})


def measure_blocks(check: StepCheck, claim: Claim, results: Results, precise: bool) -> float:
    """The residual of some sequences and heads."""
    blocks, groups = check.draw(claim), key_of(claim.node).meta["val"].shape[1]
    args, options = check.values.arguments(claim.node)
    # Never in bfloat16: some instruction sets have no kernel for it, and the claim alone is to be rounded.
    args = map_aggregate(take_arguments(claim.node, args, blocks), to_double if precise else to_single)
    mine = claim.node.target(*args, **options)  # type: ignore[operator]
    theirs = {place: take_blocks(result, groups, blocks) for place, result in results.items()}
    if not (precise and is_backward(claim.node)):
        return largest(mine, theirs)
    sizes: Mapping[int | None, float] = dict(enumerate(summed_backward(args, options.get("scale"))))
    return max(residual_between(mine[at], each, sizes[at] * CANCELLED) for at, each in theirs.items())


def measure_whole(check: StepCheck, claim: Claim, results: Results, precise: bool) -> float:
    """The residual of all of a result."""
    args, options = map_arg((claim.args, claim.node.kwargs), check.values.read)
    if precise:
        args, options = map_aggregate((args, options), to_double)
    return largest(claim.node.target(*args, **options), results)  # type: ignore[operator]


MEASURES: Mapping[Rule, Callable[[StepCheck, Claim, Results, bool], float]] = {
    Rule.PRODUCT: measure_product,
    Rule.POINTWISE: measure_rows,
    Rule.ROWWISE: measure_rows,
    Rule.BLOCKWISE: measure_blocks,
    Rule.WHOLE: measure_whole,
}


def largest(mine: Any, claimed: Results) -> float:
    """Return the largest residual over the results of one operator."""
    return max(residual_between(mine if place is None else mine[place], each) for place, each in claimed.items())


def residual_between(mine: Tensor, claimed: Tensor, size: float = 0.0) -> float:
    """Return the largest difference over the largest number, which is taken to be `size` at least.

    It is infinite unless infinities stand at the same places.
    """
    if torch.equal(mine, claimed):
        return 0.0
    kind = torch.float64 if mine.dtype is torch.float64 else torch.float32
    mine, claimed = mine.to(kind), claimed.to(kind)
    finite = torch.isfinite(mine)
    if not finite.all():
        if not torch.equal(mine[~finite], claimed[~finite]):
            return math.inf
        mine, claimed = mine[finite], claimed[finite]
    return float((mine - claimed).abs().max()) / (max(float(mine.abs().max()), size) + TINY)


def drifts(residuals: Sequence[Residual]) -> Iterator[tuple[Residual, float, float]]:
    """Yield the worst residual, the mean and its limit for every rule and type whose mean is too large."""
    kinds: dict[tuple[Rule, str], list[Residual]] = {}
    for each in residuals:
        kinds.setdefault((each.claim.rule, each.claim.leaf.dtype), []).append(each)
    for found in kinds.values():
        mean = sum(each.residual for each in found) / len(found)
        if not mean <= found[0].tolerance.mean:
            yield max(found, key=lambda each: each.residual), mean, found[0].tolerance.mean
