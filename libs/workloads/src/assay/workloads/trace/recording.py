"""The worker's side: a challenged segment is run again, operator by operator, and each committed result is kept.

It runs the kernels that the segment was trained with, so on the same machine it ends in the same bits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.fx import Node
from torch.fx.node import map_arg

from assay.workloads.trace.opening import OpeningWriter
from assay.workloads.trace.plan import Plan

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Recorded:
    """A trace that was written: the root that is committed before the challenge, and the state that it ends in."""

    root: str
    state: Values


def record_trace(plan: Plan, fixed: Values, state: Values, steps: Iterable[Values], path: Path) -> Recorded:
    """Write the opening of these steps to `path`.

    `fixed` holds the inputs that stay, `state` the tensors before the first step, `steps` what each step is given.
    """
    steps = list(steps)
    with path.open("wb") as file, torch.no_grad():
        writer = OpeningWriter(file, plan, len(steps))
        for number, varying in enumerate(steps):
            state = run_step(plan, {**fixed, **state, **varying}, number, writer)
    return Recorded(writer.root, state)


def run_step(plan: Plan, inputs: Values, number: int, writer: OpeningWriter) -> dict[str, Any]:
    """Return the state after one step, whose committed results are written in order."""
    held: dict[Node, Any] = {node: inputs[name] for name, node in plan.step.inputs.items()}
    for node, spent in zip(plan.nodes, plan.spent, strict=True):
        args, options = map_arg((node.args, node.kwargs), held.__getitem__)
        held[node] = node.target(*args, **options)  # type: ignore[operator]
        if leaf := plan.committed.get(node):
            writer.write(number, leaf, held[node])
        for past in spent:
            del held[past]
    return {name: held[plan.step.outputs[name]] for name in plan.step.state_names}
