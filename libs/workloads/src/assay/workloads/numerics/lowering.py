"""A traced application as the court takes it: rows and columns, words of 32 or 64 bits, and its number in the table."""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from assay.proof.court import Op as Number
from assay.proof.court import Operation
from assay.workloads.numerics.tracing import Op, Trace

RELATIONS: Final = ("<", "<=", ">", ">=", "==", "!=")


def sides(tensor: Tensor) -> tuple[int, int]:
    """Return rows and columns of a tensor, seen as rows of its last axis."""
    columns = tensor.shape[-1] if tensor.dim() else 1
    return tensor.numel() // columns, columns


def parameters_of(op: Op, trace: Trace) -> tuple[int, ...]:
    """Return the numbers that go with an application: a relation, the places of a shift, the batches of a product."""
    if op.name == "compare":
        return (RELATIONS.index(op.static["relation"]),)
    if op.name == "shift_right":
        return (op.static["places"],)
    if op.name == "dot":
        left, right = (trace.tensors[name] for name in op.inputs)
        return (left.numel() // (left.shape[-1] * left.shape[-2]),) if right.dim() > 1 else (1,)
    return ()


def inputs_of(op: Op) -> tuple[str, ...]:
    """Return the ids of the inputs in the court's order: what is gathered comes behind where from."""
    return (op.static["index"], *op.inputs) if op.name == "gather" else op.inputs


def operation_of(op: Op, trace: Trace) -> Operation:
    """Return the operation that the court judges."""
    rows, columns = sides(trace.tensors[op.output])
    shapes = [sides(trace.tensors[name]) for name in inputs_of(op)]
    if op.name == "sum_at":
        shapes[0] = (1, shapes[0][0] * shapes[0][1])
    return Operation(Number[op.name.upper()], rows, columns, tuple(shapes), parameters_of(op, trace))


def words_of(tensor: Tensor, width: int) -> Sequence[int]:
    """Return a tensor's elements as unsigned words of `width` bytes: floats by their bits, integers in complement."""
    flat = tensor.reshape(-1)
    whole = flat.view(torch.int32) if flat.is_floating_point() else flat
    mask = (1 << 8 * width) - 1
    return [int(number) & mask for number in whole.tolist()]
