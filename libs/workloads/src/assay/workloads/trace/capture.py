"""The canonical list of operators of a training step: forward, backward and AdamW as one pure graph of aten operators.

`make_fx` over fake tensors records what autograd really dispatches, without computing anything, so whoever knows the
job derives the graph alone and believes nobody's. Operators that write in place are replaced by their pure twins.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.fx import Graph, Node
from torch.fx.experimental.proxy_tensor import make_fx

from assay.workloads.trace.canonical import copy_pure
from assay.workloads.trace.optimiser import SCALARS, append_adamw

WEIGHT, FIRST, SECOND = GROUPS = ("weight.", "first.", "second.")
BATCH, LOSS = "batch", "loss"


@dataclass(frozen=True)
class StepGraph:
    """A step from named inputs to named outputs; the state's names are the same on both ends."""

    graph: Graph
    inputs: Mapping[str, Node]
    outputs: Mapping[str, Node]

    @property
    def state_names(self) -> tuple[str, ...]:
        """The names of the state's tensors, in the order of the outputs."""
        return tuple(name for name in self.outputs if name != LOSS)


def capture_step(model: nn.Module, batch: Tensor) -> StepGraph:
    """Return the graph of one step of `model`, whose forward returns the loss of a batch of this shape.

    What requires a gradient is trained. Raises UnknownOperator for a step that cannot be made pure.
    """
    named = {name: parameter.detach() for name, parameter in model.named_parameters()}
    trained = sorted(name for name, parameter in model.named_parameters() if parameter.requires_grad)
    fixed = {name: tensor for name, tensor in (named | dict(model.named_buffers())).items() if name not in trained}

    def differentiate(weights: list[Tensor], others: list[Tensor], windows: Tensor) -> list[Tensor]:
        leaves = [weight.detach().requires_grad_() for weight in weights]
        values = dict(zip(trained, leaves, strict=True)) | dict(zip(fixed, others, strict=True))
        loss = functional_call(model, values, (windows,))
        return [loss, *torch.autograd.grad(loss, leaves)]

    traced = make_fx(differentiate, tracing_mode="fake")([named[name] for name in trained], list(fixed.values()), batch)
    names = [WEIGHT + name for name in trained] + list(fixed) + [BATCH]
    return close_graph(traced.graph, names, trained)


def close_graph(traced: Graph, names: list[str], trained: list[str]) -> StepGraph:
    """Return the pure graph with AdamW appended for every trained tensor."""
    graph = Graph()
    inputs, (loss, *gradients) = copy_pure(traced, graph, names)
    for group in (FIRST, SECOND):
        inputs |= {group + name: add_input(graph, group + name, inputs[WEIGHT + name].meta["val"]) for name in trained}
    inputs |= {name: add_input(graph, name, None) for name in SCALARS}
    scalars = {name: inputs[name] for name in SCALARS}
    outputs = {LOSS: loss}
    for name, gradient in zip(trained, gradients, strict=True):
        state = [inputs[group + name] for group in GROUPS]
        moved = append_adamw(graph, state, gradient, scalars)
        outputs |= {group + name: node for group, node in zip(GROUPS, moved, strict=True)}
    graph.output(tuple(outputs.values()))
    graph.eliminate_dead_code()
    return StepGraph(graph, inputs, outputs)


def add_input(graph: Graph, name: str, value: Any) -> Node:
    """Return a new input, placed before all operators."""
    last = [node for node in graph.nodes if node.op == "placeholder"][-1]
    with graph.inserting_after(last):
        node = graph.placeholder(f"input_{len(graph.nodes)}")
    node.meta = {"val": value, "called": name}
    return node
