"""AdamW as operators of a graph, those that a fine-tuning step runs (`updating.move_natively`), without writing.

What changes from step to step is an input of the graph, so that one graph serves the whole job.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch.fx import Graph, Node

from assay.workloads.updating import BETA_FIRST, BETA_SECOND, EPSILON

DECAY, RATE, SPREAD = SCALARS = ("scalar.decay", "scalar.rate", "scalar.spread")
ATEN = torch.ops.aten


def scalars_of(rate: float, weight_decay: float, step: int) -> dict[str, float]:
    """Return the scalar inputs of step `step`, counted from 0."""
    return {
        DECAY: 1 - rate * weight_decay,
        RATE: -rate / (1 - BETA_FIRST ** (step + 1)),
        SPREAD: math.sqrt(1 - BETA_SECOND ** (step + 1)),
    }


def append_adamw(graph: Graph, state: list[Node], gradient: Node, scalars: Mapping[str, Node]) -> tuple[Node, ...]:
    """Return the new weight, first and second moment of one tensor."""
    weight, first, second = state

    def call(target: Any, *args: Any, **options: Any) -> Node:
        node = graph.call_function(target, args, options)
        node.meta = {"val": weight.meta["val"]}
        return node

    first = call(ATEN.add.Tensor, call(ATEN.mul.Tensor, first, BETA_FIRST), gradient, alpha=1 - BETA_FIRST)
    second = call(ATEN.mul.Tensor, second, BETA_SECOND)
    second = call(ATEN.addcmul.default, second, gradient, gradient, value=1 - BETA_SECOND)
    spread = call(ATEN.add.Tensor, call(ATEN.div.Tensor, call(ATEN.sqrt.default, second), scalars[SPREAD]), EPSILON)
    shrunk = call(ATEN.mul.Tensor, weight, scalars[DECAY])
    return call(ATEN.addcdiv.default, shrunk, first, spread, value=scalars[RATE]), first, second
