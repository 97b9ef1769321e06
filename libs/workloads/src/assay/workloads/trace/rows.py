"""Some rows of pointwise and row-wise operators, computed again from committed inputs.

A row is a place in all dimensions but the last. Inside a chain of pointwise operators nothing is committed, so the rows
of the chain's inputs are taken and the chain is computed on them.
"""

from typing import Any

import torch
from torch import Tensor
from torch.fx import Node
from torch.fx.node import map_aggregate, map_arg

from assay.workloads.trace.claims import Claim
from assay.workloads.trace.plan import Plan, name_of, shape_of
from assay.workloads.trace.rules import Rule
from assay.workloads.trace.values import StepValues, to_double


class RowReader:
    """Reads the drawn rows of one operator's inputs, through chains that are not committed."""

    def __init__(self, plan: Plan, values: StepValues, shape: tuple[int, ...], rows: Tensor, precise: bool) -> None:
        self._plan, self._values, self._shape, self._precise = plan, values, shape, precise
        self._rows, self._places = rows, torch.unravel_index(rows, shape[:-1])
        self._made: dict[Node, Any] = {}

    def compute(self, claim: Claim) -> Any:
        """Return the operator's results on the drawn rows."""
        if claim.rule is Rule.POINTWISE:
            return self._chain(claim.node)
        args = map_arg(claim.args, self._read_row)
        return self._call(claim.node, last_dimension(claim.node, args), map_arg(claim.node.kwargs, self._read_row))

    def take(self, tensor: Tensor) -> Tensor:
        """Return the drawn rows of a tensor with as many rows."""
        if tensor.is_contiguous():
            # Six times as fast as by places, which torch looks up element by element.
            return tensor.view(-1, tensor.shape[-1]).index_select(0, self._rows)
        return tensor[self._places]

    def _chain(self, node: Node) -> Any:
        return self._call(node, *map_arg((node.args, node.kwargs), self._read))

    def _call(self, node: Node, args: Any, options: Any) -> Any:
        if self._precise:
            args, options = map_aggregate((args, options), to_double)
        return node.target(*args, **options)  # type: ignore[operator]

    def _read(self, node: Node) -> Any:
        if node not in self._made:
            self._made[node] = self._make(node)
        return self._made[node]

    def _make(self, node: Node) -> Any:
        if self._plan.is_part(node) and shape_of(node) == self._shape:
            return self._chain(node)
        value = self._values.read(node)
        if not isinstance(value, Tensor) or value.dim() == 0 or (value.dim() == 1 < len(self._shape)):
            return value
        return self.take(value.expand((*self._shape[:-1], value.shape[-1])))

    def _read_row(self, node: Node) -> Any:
        """Return rows of what has rows, and the whole of what all rows share."""
        lead = shape_of(node)
        return self._read(node) if lead is not None and lead[:-1] == self._shape[:-1] else self._values.read(node)


def last_dimension(node: Node, args: Any) -> list[Any]:
    """Return the arguments with the dimension that is worked along renamed, for rows stand in a matrix."""
    if "layer_norm" in (name := name_of(node)):
        return list(args)
    place = 2 if name.endswith("_backward_data") else 1
    along = -1 if isinstance(args[place], int) else [-1]
    return [*args[:place], along, *args[place + 1 :]]
