"""A fine-tuning segment's trace as a claim: what a verifier says of it, and a false one whose answer is known."""

import shutil
from pathlib import Path
from typing import IO

import torch
from blake3 import blake3

from assay.proof.committee import BEYOND_MILLI, NOISE_MAX
from assay.schema.values import OperatorPlace
from assay.workloads.finetune import FinetuneParams
from assay.workloads.trace.check import TraceFinding, check_trace, measure_operator
from assay.workloads.trace.errors import BadOpening
from assay.workloads.trace.finetune import NOT_THE_STEP, check_traced, plan_of, trace_spec
from assay.workloads.trace.opening import Opening, header_of, layout
from assay.workloads.trace.plan import Leaf, Plan
from assay.workloads.trace.rules import Rule
from assay.workloads.tracing import TraceReading
from assay.workloads.workload import Inputs

HONEST, WRONG = "trace.holds", "trace.wrong_operator"
FAR = 1e30
"""What stands for infinity, which JSON lacks."""
SPOIL = b"assay.trace.spoil.1"
TIMES = 1.5


def check_segment(
    params: FinetuneParams, inputs: Inputs, state: bytes, index: int, claim: tuple[Path, str, str], seed: str
) -> TraceReading:
    """Return what is wrong with an opening, said to have a root and to end in a state.

    Raises CheckerFault, and what making the plan raises: faults of this machine.
    """
    path, root, state_out = claim
    spec = trace_spec(params, inputs, state, index, root, state_out)
    try:
        report = check_trace(path, seed, spec)
    except BadOpening as fault:
        return TraceReading(passed=False, code=fault.code, step=fault.step, operator=fault.operator, name=str(fault))
    worst = {rule: capped(residual) for rule, residual in report.worst.items()}
    if report.passed:
        return TraceReading(passed=True, code=HONEST, worst=worst)
    return said_of(report.findings[0], worst)


def measure_segment(
    params: FinetuneParams,
    inputs: Inputs,
    state: bytes,
    index: int,
    claim: tuple[Path, str, str],
    seed: str,
    contested: tuple[OperatorPlace, str],
) -> TraceReading:
    """Return how far off one operator of an opening lies, in thousandths of honest noise. Raises as `check_segment`.

    What is no opening, or holds no numbers there, is beyond everything; where nothing is committed nothing is wrong.
    """
    (path, root, state_out), (at, first) = claim, contested
    spec = trace_spec(params, inputs, state, index, root, state_out)
    place = {"step": at.step, "operator": at.number}
    try:
        found = measure_operator(path, (seed, first), spec, at.step, at.number)
    except BadOpening as fault:
        return TraceReading(passed=False, code=WRONG, name=str(fault), residual=FAR, noise_milli=NOISE_MAX, **place)
    if found is None:
        return TraceReading(passed=True, code=HONEST, **place)
    milli = noise_milli(found.residual, found.tolerance.each)
    code = HONEST if (passed := milli <= BEYOND_MILLI) else WRONG
    said = {"name": found.claim.node.name, "residual": capped(found.residual), "noise_milli": milli}
    return TraceReading(passed=passed, code=code, **said, **place)


def noise_milli(residual: float, tolerance: float) -> int:
    """A residual in thousandths of honest noise: its tolerance is so many of them."""
    return round(min(residual / tolerance * BEYOND_MILLI, NOISE_MAX)) if residual == residual else NOISE_MAX


def said_of(found: TraceFinding, worst: dict[str, float]) -> TraceReading:
    """What a verifier says of the first thing that is wrong."""
    place = {"step": found.step, "operator": found.operator, "name": found.name}
    return TraceReading(passed=False, code=found.code, residual=capped(found.residual), worst=worst, **place)


def capped(residual: float) -> float:
    """A residual as JSON can hold it."""
    return residual if residual < FAR else FAR


def spoil_segment(params: FinetuneParams, inputs: Inputs, source: Path, seed: str, path: Path) -> tuple[str, int, int]:
    """Return the root of the opening in `source` with one product half as large again, as written to `path`.

    Step and operator of the product come with it. Raises BadOpening if it is none, NotTraced.
    """
    check_traced(params)
    plan, steps = plan_of(params.model_copy(update=NOT_THE_STEP), inputs.models.root), params.segment_steps
    Opening(source, plan, steps)
    shutil.copyfile(source, path)
    drawn = int.from_bytes(blake3(SPOIL + bytes.fromhex(seed)).digest(), "big")
    places = [place for place in places_of(plan, steps) if plan.rules[place[1].node] is Rule.PRODUCT]
    turned = drawn % len(places)
    with path.open("r+b") as file:
        # A product of zeros would stay what it is.
        turns = (*places[turned:], *places[:turned])
        step, leaf, _ = next((at for at in turns if enlarge(file, *at[1:])), turns[0])
    return Opening(path, plan, steps).root, step, leaf.index


def places_of(plan: Plan, steps: int) -> list[tuple[int, Leaf, int]]:
    """The committed tensors of all steps, each with its step and its place in the file."""
    return list(layout(plan, steps, len(header_of(plan, steps))))


def enlarge(file: IO[bytes], leaf: Leaf, start: int) -> bool:
    """Whether a tensor in the file is half as large again now, and was not zero."""
    file.seek(start)
    values = torch.frombuffer(bytearray(file.read(leaf.size_bytes)), dtype=leaf.node.meta["val"].dtype)
    file.seek(start)
    file.write((values * TIMES).view(torch.uint8).numpy().tobytes())
    return bool(values.any())
