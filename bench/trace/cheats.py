"""How far off a cheat's products lie: the honest trace, with one product at a time computed otherwise."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import torch
from torch import Tensor

from assay.workloads.trace.check import claimed_of
from assay.workloads.trace.checking import StepCheck
from assay.workloads.trace.claims import Claim, claims_of
from assay.workloads.trace.opening import Opening
from assay.workloads.trace.plan import Leaf
from assay.workloads.trace.rules import Rule
from assay.workloads.trace.tolerances import tolerance_of
from assay.workloads.trace.values import StepValues
from bench.trace.model_step import ModelStep

SEED: Final = "5e" * 32
Way = Callable[[Any, Any], Tensor]


def in_half(target: Any, args: Any) -> Tensor:
    """A product whose operands are rounded to bfloat16."""
    result: Tensor = target(*[arg.bfloat16() if isinstance(arg, Tensor) else arg for arg in args])
    return result.float()


def in_bytes(target: Any, args: Any) -> Tensor:
    """A product whose operands are rounded to 8-bit whole numbers, each row by its own largest."""
    result: Tensor = target(*[rounded(arg) for arg in args])
    return result


def rounded(arg: Tensor) -> Tensor:
    """A matrix in 8 bits a number; a vector as it is."""
    if arg.dim() < 2:
        return arg
    scale = arg.float().abs().amax(-1, keepdim=True) / 127 + 1e-30
    return ((arg.float() / scale).round() * scale).to(arg.dtype)


def one_element(target: Any, args: Any) -> Tensor:
    """A product with one element off by a standard deviation."""
    result: Tensor = target(*args).clone()
    result.view(-1)[77] += result.std()
    return result


def residuals(step: ModelStep, way: Way) -> Iterator[tuple[float, float]]:
    """Yield residual and tolerance of every product that is computed this way and claimed."""
    opening, spec = Opening(step.path, step.spec.plan, 1), step.spec
    inputs = {**spec.fixed, **spec.state, **spec.steps[0]}
    honest = StepValues(spec.plan, inputs, claimed_of(opening, 0))
    for claim in products(step):
        args, _ = honest.arguments(claim.node)
        with torch.no_grad():
            wrong = way(claim.node.target, args)
        forged = StepValues(spec.plan, inputs, replaced(opening, claim.leaf, wrong))
        check = StepCheck(spec.plan, 0, forged, SEED)
        with torch.no_grad():
            yield check.measure(claim), tolerance_of(claim.rule, claim.leaf.dtype).each


def replaced(opening: Opening, leaf: Leaf, wrong: Tensor) -> Callable[[Leaf], Tensor]:
    """The reader of an opening in which one result is another."""
    return lambda each: wrong if each is leaf else opening.tensor(0, each.index)


def products(step: ModelStep) -> list[Claim]:
    """What is claimed of the products of a step."""
    return [claim for _, claims in claims_of(step.spec.plan) for claim in claims if claim.rule is Rule.PRODUCT]
