"""What the checker knows of a step: its inputs, the committed results, and what follows from these without a claim."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node
from torch.fx.node import map_arg

from assay.workloads.trace.plan import Leaf, Plan, name_of
from assay.workloads.trace.rules import Rule

RESHAPES = {"view", "_unsafe_view", "reshape"}


class StepValues:
    """Values of one step's nodes: inputs as given, committed results as claimed, all others made when asked for."""

    def __init__(self, plan: Plan, inputs: Mapping[str, Any], claimed: Callable[[Leaf], Tensor]) -> None:
        self._plan, self._claimed = plan, claimed
        self._held: dict[Node, Any] = {node: inputs[name] for name, node in plan.step.inputs.items()}

    def read(self, node: Node) -> Any:
        """Return a node's value."""
        if leaf := self._plan.committed.get(node):
            return self._claimed(leaf)
        if node not in self._held:
            self._held[node] = self._make(node)
        return self._held[node]

    def arguments(self, node: Node) -> Any:
        """Return an operator's arguments and options."""
        return map_arg((node.args, node.kwargs), self.read)

    def forget(self, node: Node) -> None:
        """Drop what is needed by no operator after this one."""
        for past in self._plan.done[node]:
            self._held.pop(past, None)

    def _make(self, node: Node) -> Any:
        if self._plan.rules[node] is Rule.VIEW and name_of(node) in RESHAPES:
            # Committed results lie row by row, whatever the worker's strides were.
            tensor, shape = self.arguments(node)[0]
            return torch.reshape(tensor, shape)
        args, options = self.arguments(node)
        return node.target(*args, **options)  # type: ignore[operator]


def to_double(value: Any) -> Any:
    """Return a floating-point tensor, or the type of one, in float64; all else as it is."""
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.double()
    return torch.float64 if isinstance(value, torch.dtype) and value.is_floating_point else value


def to_single(value: Any) -> Any:
    """Return a floating-point tensor in float32; all else as it is."""
    return value.float() if isinstance(value, Tensor) and value.is_floating_point() else value
