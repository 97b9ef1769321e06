"""What is claimed of each operator, and by which rule it is held against the checker's own.

Most operators make one claim. The backward of a norm makes two: a gradient whose rows stand alone, and sums over rows.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch.fx import Node

from assay.workloads.trace.blocks import blocks_total
from assay.workloads.trace.plan import Leaf, Plan, reduces_last, shape_of
from assay.workloads.trace.rules import Rule

# Smaller results are computed again as a whole: the state of an adapter, for one.
WHOLE_MAX = 1 << 16


@dataclass(frozen=True)
class Claim:
    """Committed results of one operator: by their place among its results, None for the only one.

    `total` counts the rows or blocks of which some are looked at; 0 where all is computed again.
    """

    node: Node
    rule: Rule
    leaf: Leaf
    parts: Mapping[int | None, Node]
    args: tuple[Any, ...]
    total: int = 0
    shape: tuple[int, ...] = ()


def claims_of(plan: Plan) -> tuple[tuple[Node, tuple[Claim, ...]], ...]:
    """Return every operator with what is claimed of it, in order."""
    return tuple((node, tuple(claims_on(plan, node))) for node in plan.nodes)


def claims_on(plan: Plan, node: Node) -> Iterator[Claim]:
    """Yield what is claimed of one operator."""
    rule = plan.rules[node]
    if rule is Rule.VIEW or rule is Rule.MOVE:
        return
    if node in plan.committed:
        yield claim(plan, node, rule, {None: node}, node.args)
        return
    parts = {user.args[1]: user for user in node.users if user in plan.committed and plan.rules[user] is Rule.VIEW}
    for kind, places, args in split(node, rule):
        if taken := {place: part for place, part in parts.items() if places is None or place in places}:
            yield claim(plan, node, kind, taken, args)


def split(node: Node, rule: Rule) -> list[tuple[Rule, set[int] | None, tuple[Any, ...]]]:
    """Return rule, results and arguments of each claim on an operator with several results."""
    if "native_layer_norm_backward" not in str(node.target):
        return [(rule, None, node.args)]
    before = node.args[:-1]
    rows, sums = (True, False, False), (False, True, True)
    return [(Rule.ROWWISE, {0}, (*before, rows)), (Rule.WHOLE, {1, 2}, (*before, sums))]


def claim(plan: Plan, node: Node, rule: Rule, parts: Mapping[Any, Node], args: tuple[Any, ...]) -> Claim:
    """Return a claim with the number of rows or blocks that its rule draws from."""
    leaf = plan.committed[next(iter(parts.values()))]
    if rule is Rule.BLOCKWISE:
        return Claim(node, rule, leaf, parts, args, blocks_total(node))
    shape = row_shape(node, rule)
    if shape is None or len(shape) < 2 or math.prod(shape) <= WHOLE_MAX:
        return Claim(node, rule, leaf, parts, args)
    return Claim(node, rule, leaf, parts, args, math.prod(shape[:-1]), shape)


def row_shape(node: Node, rule: Rule) -> tuple[int, ...] | None:
    """Return the shape whose rows an operator works on; None if it works on no rows."""
    if rule is Rule.POINTWISE:
        return shape_of(node)
    first = node.args[0]
    return shape_of(first) if rule is Rule.ROWWISE and isinstance(first, Node) and reduces_last(node) else None
