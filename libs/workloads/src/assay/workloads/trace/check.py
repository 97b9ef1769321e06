"""The whole check of an opened segment: its root, every operator of every step, and both ends."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from assay.proof.digest import state_digest
from assay.workloads.trace.checking import Residual, Sampling, StepCheck, drifts
from assay.workloads.trace.claims import claims_of
from assay.workloads.trace.errors import BadOpening, CheckerFault
from assay.workloads.trace.opening import Opening, bytes_of
from assay.workloads.trace.plan import Leaf, Plan
from assay.workloads.trace.values import StepValues

Values = Mapping[str, Any]
WHOLE = Sampling(share=1.0)
"""All rows and blocks: one operator is looked at, and what it does elsewhere is not to be missed."""


@dataclass(frozen=True)
class TraceSpec:
    """What a trace is held against: the step's plan, all inputs, and what the provider committed to.

    `state` is the state before the first step, which the caller has checked against the committed one; `digest` says
    what `state_out` is of a last state.
    """

    plan: Plan
    fixed: Values
    state: Values
    steps: tuple[Values, ...]
    root: str
    state_out: str
    digest: Callable[[Mapping[str, Tensor]], str]
    sampling: Sampling = field(default=Sampling())


@dataclass(frozen=True)
class TraceFinding:
    """Something wrong in a trace: at which operator, how far off, and how far it might have been."""

    code: str
    step: int
    operator: int
    name: str
    residual: float
    tolerance: float


@dataclass(frozen=True)
class TraceReport:
    """What a check came to: what was found wrong, and the largest residual of each kind of rule."""

    findings: tuple[TraceFinding, ...]
    operators: int
    worst: Mapping[str, float]
    mean: Mapping[str, float]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def check_trace(path: Path, seed: str, spec: TraceSpec) -> TraceReport:
    """Return what is wrong with an opening; `seed` (64 hex digits) was unknown when `spec.root` was committed.

    Raises BadOpening for an opening that is none, CheckerFault for a fault of this machine.
    """
    with on_this_machine():
        return check_opening(Opening(path, spec.plan, len(spec.steps)), seed, spec)


def measure_operator(path: Path, seeds: tuple[str, str], spec: TraceSpec, step: int, operator: int) -> Residual | None:
    """Return how far off one committed result lies, all of it looked at; None if nothing is committed there.

    The second seed is that of whoever called it false: what showed then, by that vector in those rows, shows again.
    Only what this operator was given is read besides. Raises what `check_trace` does.
    """
    with on_this_machine():
        opening = Opening(path, spec.plan, len(spec.steps))
        check_root(opening, spec)
        claims = (claim for _, own in claims_of(spec.plan) for claim in own if claim.leaf.index == operator)
        claim, state = next(claims, None), spec.state
        for number, varying in enumerate(spec.steps):
            values = StepValues(spec.plan, {**spec.fixed, **state, **varying}, claimed_of(opening, number))
            if number == step and claim is not None:
                looks = zip(seeds, (WHOLE, Sampling()), strict=True)
                found = [StepCheck(spec.plan, number, values, *look).residual_of(claim) for look in looks]
                return max(found, key=lambda each: each.residual if each.residual == each.residual else math.inf)
            state = {name: values.read(spec.plan.step.outputs[name]) for name in spec.plan.step.state_names}
        return None


@contextmanager
def on_this_machine() -> Iterator[None]:
    """Let nothing that fails here be said of the trace. Raises CheckerFault."""
    try:
        check_machine()
        with torch.no_grad():
            yield
    except (MemoryError, OSError, RuntimeError) as error:
        raise CheckerFault(f"{type(error).__name__}: {str(error)[:200]}") from error


def check_root(opening: Opening, spec: TraceSpec) -> None:
    """Raise BadOpening if the tensors are not what was committed."""
    if opening.root != spec.root:
        raise BadOpening(0, 0, "root", "the tensors are not those under the committed root.")


def check_opening(opening: Opening, seed: str, spec: TraceSpec) -> TraceReport:
    """Return what is wrong with a well-formed opening. Raises BadOpening if it is not what was committed."""
    check_root(opening, spec)
    state, residuals = spec.state, list[Residual]()
    for number, varying in enumerate(spec.steps):
        values = StepValues(spec.plan, {**spec.fixed, **state, **varying}, claimed_of(opening, number))
        residuals += StepCheck(spec.plan, number, values, seed, spec.sampling).residuals()
        state = {name: values.read(spec.plan.step.outputs[name]) for name in spec.plan.step.state_names}
    findings = [*wrong_operators(residuals), *wrong_means(residuals), *wrong_end(spec, state)]
    return TraceReport(tuple(findings), len(residuals), *statistics(residuals))


def claimed_of(opening: Opening, number: int) -> Callable[[Leaf], Tensor]:
    """Return the reader of one step's committed tensors."""
    return lambda leaf: opening.tensor(number, leaf.index)


def finding(code: str, at: Residual, residual: float, tolerance: float) -> TraceFinding:
    """A finding at one operator."""
    return TraceFinding(code, at.step, at.claim.leaf.index, at.claim.node.name, residual, tolerance)


def wrong_operators(residuals: list[Residual]) -> list[TraceFinding]:
    """A finding for every operator that is further off than it may."""
    wrong = [each for each in residuals if not each.residual <= each.tolerance.each]
    return [finding("trace.wrong_operator", each, each.residual, each.tolerance.each) for each in wrong]


def wrong_means(residuals: list[Residual]) -> list[TraceFinding]:
    """A finding for every kind of operator that is too far off in the mean, at the worst of its kind."""
    return [finding("trace.drift", worst, mean, limit) for worst, mean, limit in drifts(residuals)]


def wrong_end(spec: TraceSpec, state: Mapping[str, Tensor]) -> list[TraceFinding]:
    """A finding if the trace ends in another state than the segment."""
    if spec.digest(state) == spec.state_out:
        return []
    last = spec.plan.leaves[-1]
    return [TraceFinding("trace.wrong_end", len(spec.steps) - 1, last.index, last.node.name, float("inf"), 0.0)]


def statistics(residuals: list[Residual]) -> tuple[dict[str, float], dict[str, float]]:
    """The largest and the mean residual of each rule."""
    by_rule: dict[str, list[float]] = {}
    for each in residuals:
        by_rule.setdefault(each.claim.rule.value, []).append(each.residual)
    worst = {rule: max(found) for rule, found in by_rule.items()}
    return worst, {rule: sum(found) / len(found) for rule, found in by_rule.items()}


def check_machine() -> None:
    """Raise CheckerFault unless a product of whole numbers, whose sums are exact, comes out right here."""
    left = torch.arange(64 * 96, dtype=torch.int64).reshape(64, 96) % 251 - 125
    right = torch.arange(96 * 32, dtype=torch.int64).reshape(96, 32) % 127 - 63
    exact = (left[:, :, None] * right[None]).sum(1)
    if not torch.equal((left.float() @ right.float()).long(), exact):
        raise CheckerFault("A product of whole numbers came out wrong on this machine.")
    if not torch.equal(torch.mv(left.float(), right[:, 0].float()).long(), exact[:, 0]):
        raise CheckerFault("A product of a matrix and a vector came out wrong on this machine.")


def digest_of_state(state: Mapping[str, Tensor]) -> str:
    """Return the Merkle root over a state's tensors under their names in the graph."""
    return state_digest(
        (
            name,
            str(tensor.dtype).removeprefix("torch."),
            tuple(tensor.shape),
            bytes_of(tensor, tuple(range(tensor.dim()))),
        )
        for name, tensor in state.items()
    )
