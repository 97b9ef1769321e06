"""Which results of a step are committed: those that the checker cannot make itself from others in passing.

Not committed are views and copies, whole numbers and truth values (made again, never believed: they are what indices
are), and the inside of a chain of pointwise operators, of which the checker computes the rows it looks at. What is left
is a third of all results, and the trace is that much smaller.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from blake3 import blake3
from torch.fx import Node

from assay.workloads.trace.capture import StepGraph
from assay.workloads.trace.rules import Rule, is_float, rule_of

CHAIN_MAX = 8


@dataclass(frozen=True)
class Leaf:
    """One committed result: operator `index` of the step, and what its tensor must look like.

    `order` names the dimensions from the outermost to the innermost in memory: a transposed result lies as it is made,
    so that neither side copies it to look at it the other way round.
    """

    index: int
    node: Node
    dtype: str
    shape: tuple[int, ...]
    order: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        """The bytes of the tensor."""
        return math.prod(self.shape) * int(self.node.meta["val"].element_size())


class Plan:
    """A step's operators in order, the rule of each, and which of them are committed. Raises UnknownOperator."""

    def __init__(self, step: StepGraph) -> None:
        self.step = step
        self.nodes: tuple[Node, ...] = tuple(node for node in step.graph.nodes if node.op == "call_function")
        self.rules: Mapping[Node, Rule] = {node: rule_of(node.target) for node in self.nodes}
        ends = set(step.outputs.values())
        self._depth: dict[Node, int] = {}
        self.committed: Mapping[Node, Leaf] = {
            node: leaf_of(index, node) for index, node in enumerate(self.nodes) if self._is_committed(node, ends)
        }

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """The committed results in order."""
        return tuple(self.committed.values())

    @cached_property
    def index(self) -> Mapping[Node, int]:
        """The place of each operator."""
        return {node: place for place, node in enumerate(self.nodes)}

    @cached_property
    def spent(self) -> tuple[tuple[Node, ...], ...]:
        """For each operator, the results that nobody reads after it."""
        last: dict[Node, Node] = {}
        for node in self.nodes:
            last |= dict.fromkeys([node, *node.all_input_nodes], node)
        kept = set(self.step.outputs.values())
        past: dict[Node, list[Node]] = {node: [] for node in self.nodes}
        for node, reader in last.items():
            if node not in kept:
                past[reader].append(node)
        return tuple(tuple(past[node]) for node in self.nodes)

    @cached_property
    def done(self) -> Mapping[Node, tuple[Node, ...]]:
        """For each operator, the uncommitted results that the check of no later one reads."""
        last: dict[Node, int] = {}
        for node in reversed((*self.step.inputs.values(), *self.nodes)):
            reads = [
                self.index[user] if user in self.committed else last[user] for user in node.users if user in self.index
            ]
            last[node] = max([self.index.get(node, 0), *reads])
        past: dict[Node, list[Node]] = {node: [] for node in self.nodes}
        for node, place in last.items():
            past[self.nodes[place]].append(node)
        return {node: tuple(gone) for node, gone in past.items()}

    @cached_property
    def digest(self) -> bytes:
        """32 bytes that stand for the operators, their arguments and what is committed."""
        inputs = [node for node in self.step.graph.nodes if node.op == "placeholder"]
        number = {node: place for place, node in enumerate([*inputs, *self.nodes])}
        lines = [node.meta["called"] for node in inputs]
        for node in self.nodes:
            said = torch.fx.node.map_arg((node.args, node.kwargs), lambda arg: f"%{number[arg]}")
            order = self.committed[node].order if node in self.committed else None
            lines.append(f"{node.target} {said} {order} {describe(node.meta['val'])}")
        lines += [f"{name} %{number[node]}" for name, node in self.step.outputs.items()]
        return blake3("\n".join(lines).encode()).digest()

    def is_part(self, node: Node) -> bool:
        """Whether a result is the inside of a chain: pointwise, and not committed."""
        return self.rules.get(node) is Rule.POINTWISE and is_float(node) and node not in self.committed

    def _is_committed(self, node: Node, ends: set[Node]) -> bool:
        rule = self.rules[node]
        if not is_float(node) or rule is Rule.MOVE:
            return False
        if rule is Rule.VIEW:
            return is_part_of_many(node, self.rules)
        depth = 1 + max((self._depth.get(arg, 0) for arg in node.all_input_nodes), default=0)
        inside = rule is Rule.POINTWISE and node not in ends and depth < CHAIN_MAX
        if inside and all(self._reads_rows(user, node) for user in node.users):
            self._depth[node] = depth
            return False
        return True

    def _reads_rows(self, user: Node, node: Node) -> bool:
        """Whether `user` reads of `node` only the rows that it makes itself."""
        rule = self.rules.get(user)
        if rule is Rule.POINTWISE:
            return shape_of(user) == shape_of(node)
        return rule is Rule.ROWWISE and user.args[0] is node and reduces_last(user)


def is_part_of_many(node: Node, rules: Mapping[Node, Rule]) -> bool:
    """Whether a node takes one result of an operator that has several."""
    source = node.args[0]
    return isinstance(source, Node) and isinstance(source.meta["val"], tuple | list) and rules[source] is not Rule.VIEW


def reduces_last(node: Node) -> bool:
    """Whether a row-wise operator works along the last dimension alone."""
    size = node.args[0].meta["val"].dim()  # type: ignore[union-attr]
    name = name_of(node)
    if name.startswith("native_layer_norm"):
        return len(node.args[2 if "backward" in name else 1]) == 1  # type: ignore[arg-type]
    place = {"_softmax_backward_data": 2, "_log_softmax_backward_data": 2}.get(name, 1)
    along: Any = node.args[place] if len(node.args) > place else None
    return size > 0 and along in (-1, size - 1, [-1], [size - 1])


def name_of(node: Node) -> str:
    """The bare name of a node's operator."""
    schema = getattr(node.target, "_schema", None)
    return schema.name.partition("::")[2] if schema else "getitem"


def shape_of(node: Node) -> tuple[int, ...] | None:
    """The shape of a node's tensor."""
    value = node.meta["val"]
    return tuple(value.shape) if isinstance(value, torch.Tensor) else None


def leaf_of(index: int, node: Node) -> Leaf:
    """The committed result of an operator."""
    value = node.meta["val"]
    order = tuple(sorted(range(value.dim()), key=lambda dim: (-value.stride(dim), dim)))
    return Leaf(index, node, str(value.dtype).removeprefix("torch."), tuple(value.shape), order)


def describe(value: Any) -> str:
    """Type and shape of a result, or of each of several."""
    if isinstance(value, tuple | list):
        return ";".join(describe(part) for part in value)
    return f"{value.dtype}{list(value.shape)}" if isinstance(value, torch.Tensor) else str(type(value).__name__)
