"""A recorded graph made pure: every operator that writes in place becomes its twin that returns the new value.

Whoever reads the written tensor later reads the twin's result. A view that outlives a write to its memory would need
the same, so a step that has one is refused.
"""

from typing import Any

import torch
from torch.fx import Graph, Node
from torch.fx.node import map_arg

from assay.workloads.trace.errors import UnknownOperator
from assay.workloads.trace.rules import is_view, writes_in_place


def copy_pure(source: Graph, target: Graph, names: list[str]) -> tuple[dict[str, Node], list[Node]]:
    """Return inputs by name and outputs of `source` as copied into `target`. Raises UnknownOperator."""
    memory, left = Memory(), iter(names)
    inputs: dict[str, Node] = {}
    outputs: list[Node] = []
    for node in source.nodes:
        if node.op == "placeholder":
            inputs[name := next(left)] = copy = target.placeholder(f"input_{len(inputs)}")
            copy.meta = {"val": node.meta["val"], "called": name}
            memory.hold(node, copy)
        elif node.op == "output":
            outputs = [memory.read(result) for result in node.args[0]]
        elif node.op == "call_function":
            args, options = map_arg((node.args, node.kwargs), memory.read)
            copy = target.call_function(pure_twin(node.target), args, options)
            copy.meta = {"val": node.meta["val"]}
            memory.take(node, copy)
        else:
            raise UnknownOperator(f"{node} is a {node.op}: a step must get all its tensors as inputs.")
    return inputs, outputs


class Memory:
    """Which pure value each recorded tensor holds at this point of the recording."""

    def __init__(self) -> None:
        self._held: dict[Node, Node] = {}
        self._same: dict[Node, Node] = {}
        self._viewed: dict[Node, Node] = {}
        self._stale: set[Node] = set()

    def hold(self, node: Node, value: Node) -> None:
        """A tensor of its own appears."""
        self._held[node] = value

    def read(self, node: Node) -> Node:
        """Return what `node` holds now. Raises UnknownOperator for a view whose memory was written to."""
        if node in self._stale:
            raise UnknownOperator(f"{node} is a view of memory that was written to since.")
        return self._held[self._same.get(node, node)]

    def take(self, node: Node, value: Node) -> None:
        """The result of an operator appears: a tensor, a view of one, or a new value of one."""
        first = node.args[0] if node.args and isinstance(node.args[0], Node) else None
        if first is not None and writes_in_place(node.target):
            self._write(node, self._same.get(first, first), value)
            return
        self.hold(node, value)
        if first is not None and is_view(node.target):
            base = self._same.get(first, first)
            self._viewed[node] = self._viewed.get(base, base)

    def _write(self, node: Node, written: Node, value: Node) -> None:
        if written in self._viewed:
            raise UnknownOperator(f"{node} writes through a view.")
        self._same[node], self._held[written] = written, value
        self._stale |= {view for view, base in self._viewed.items() if base is written}


def pure_twin(target: Any) -> Any:
    """Return the operator, or the one that returns what it would write. Raises UnknownOperator if there is none."""
    if not writes_in_place(target):
        return target
    space, _, name = target._schema.name.partition("::")
    packet = getattr(getattr(torch.ops, space), name.removesuffix("_"), None)
    twin = getattr(packet, target._overloadname, None)
    if twin is None or not name.endswith("_") or writes_in_place(twin):
        raise UnknownOperator(f"{target} writes in place and has no pure twin.")
    return twin
