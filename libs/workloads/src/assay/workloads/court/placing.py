"""A step as a program of the court: every primitive as it is applied, every tensor named by its place, not its content.

A tensor's place is where torch keeps it, so that two equal ones are two. What is made of nothing but constants is a
constant itself: frozen weights are in fixed point once for all. Where data say which elements are moved (an embedding,
a target), the index is computed by primitives, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch
from blake3 import blake3
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from assay.proof.court import Op as Number
from assay.proof.court import Operation, Place, Shape, Source
from assay.proof.court import machine as court
from assay.proof.court.limits import check_size, check_sum
from assay.proof.court.primitives import MAP_SIDES
from assay.workloads.court.building import Builder, Named
from assay.workloads.numerics.lowering import inputs_of, operation_of, sides
from assay.workloads.numerics.primitives import WORD, iadd, mul_lo, xor
from assay.workloads.numerics.refusal import NotExact
from assay.workloads.numerics.tracing import BROADCAST, Op, Trace, Tracer, kernel_name

Spot = tuple[Any, ...]
COPIED_BYTES_MAX: Final = 256 << 20
"""Copies of so many bytes of constants are made before those are looked for that nobody needs."""
LATEST: Final = 64
"""Of so many tensors some may be named already and not yet used."""


@dataclass
class Placed(Trace):
    """The program so far, and which tensor of torch's stands where in it."""

    builder: Builder = field(default_factory=Builder)
    places: dict[str, Named] = field(default_factory=dict)
    output_bytes: int = 0
    _ids: dict[Spot, str] = field(default_factory=dict)
    _fixed: dict[tuple[str, int], Named] = field(default_factory=dict)
    # What torch lets go it may give to another tensor, which is not to be taken for the first.
    _storages: dict[str, StorageWeakRef] = field(default_factory=dict)
    _prints: dict[str, bytes] = field(default_factory=dict)
    _copied: int = 0
    _given: int = 0

    def enter(self, tensor: Tensor, place: Place, index: int) -> None:
        """Let a tensor be a slot of the state or of the step's data."""
        self._put(self._give(tensor, is_made=True), Named(Source(place, index), *sides(tensor)))

    def keep(self, tensor: Tensor) -> str:
        """Return the tensor's id. Raises NotExact for one that was written to by what is not traced."""
        name = self._ids.get(spot_of(tensor))
        if name is None or self._storages[name].expired():
            return self._give(tensor, is_made=False)
        if self._prints[name] == print_of(tensor):
            return name
        if name in self.places:
            raise NotExact("A tensor of the step was written to by what no primitive stands for.")
        return self._give(tensor, is_made=False)

    def add(self, name: str, inputs: tuple[str, ...], output: Tensor, static: Any) -> str:
        """Append an application, unless it follows from constants alone; return the output's id."""
        if name in BROADCAST:
            inputs = tuple(self._stretch(each, output.shape) for each in inputs)
        follows = (*inputs, static["index"]) if name == "gather" else inputs
        is_made = any(each in self.places for each in follows)
        op = Op(name, inputs, self._give(output, is_made), static)
        if is_made:
            self._put(op.output, self._lower(op))
        return op.output

    def place_of(self, tensor: Tensor) -> Named:
        """Return where a tensor is found after the step. Raises NotExact if the step leaves nothing there."""
        name = self.keep(tensor)
        if name not in self.places:
            raise NotExact("A tensor of the state does not follow from the step.")
        return self.places[name]

    def _give(self, tensor: Tensor, is_made: bool) -> str:
        """A tensor's name. What the step makes is known by its form and a print; of a constant there is a copy."""
        name = str(self._given)
        self._given += 1
        self.tensors[name] = tensor.detach().to("meta") if is_made else tensor.detach().contiguous().cpu().clone()
        if not tensor.is_meta:
            self._ids[spot_of(tensor)] = name
            self._storages[name] = StorageWeakRef(tensor.untyped_storage())
            self._prints[name] = print_of(tensor)
        self._copied += 0 if is_made else tensor.nbytes
        if self._copied > COPIED_BYTES_MAX:
            self._let_go()
        return name

    def _let_go(self) -> None:
        """Drop copies of constants that torch has let go of, but for the latest: nothing can ask for them any more."""
        for name in list(self._storages)[:-LATEST]:
            if self._storages[name].expired() and name not in self.places:
                self.tensors.pop(name, None)
        self._copied = 0

    def _put(self, name: str, named: Named) -> None:
        self.places[name] = named
        self.made.add(name)

    def _lower(self, op: Op) -> Named:
        operation = operation_of(op, self)
        if op.name == "gather":
            self._check_kinds(op)
            if (moved := self._moved(op, operation)) is not None:
                return moved
        widths = [operation.rule.operand(number).width for number in range(len(operation.inputs))]
        inputs = [self._named(each, width) for each, width in zip(inputs_of(op), widths, strict=True)]
        return self._append(operation.op, operation.shape, inputs, operation.parameters)

    def _append(self, op: Number, shape: Shape, inputs: Sequence[Named], parameters: tuple[int, ...]) -> Named:
        """One more operator, if it is not one too much: a step that is too large ends at once. Raises Refused."""
        named = self.builder.apply(op, shape.rows, shape.columns, *inputs, parameters=parameters)
        self.output_bytes += shape.rows * shape.row_bytes
        check_size(self.builder.operators[-1].operation)
        check_sum(len(self.builder.operators), self.output_bytes)
        return named

    def _check_kinds(self, op: Op) -> None:
        """Nothing, if elements stay what they are. Raises NotExact."""
        if len({self.tensors[each].is_floating_point() for each in (*op.inputs, op.output)}) > 1:
            raise NotExact("Integers become floats, or floats integers, by what no primitive stands for.")

    def _moved(self, op: Op, operation: Operation) -> Named | None:
        """The move of one tensor's elements by strides, or what was there already; None for any other move."""
        (first, *others), index = op.inputs, op.static["index"]
        strides = None if others or index in self.places else strides_of(self.tensors[index].reshape(-1).numpy())
        if strides is None:
            return None
        named, (offset, pairs) = self.places[first], strides
        is_whole = offset == 0 and pairs in ((), ((named.rows * named.columns, 1),))
        if is_whole and named.sides == (operation.rows, operation.columns):
            return named
        parameters = (offset, *(each for pair in pairs for each in pair), *(1, 0) * (MAP_SIDES - len(pairs)))
        return self._append(Number.LAYOUT, operation.shape, [named], parameters)

    def _named(self, name: str, width: int) -> Named:
        if name in self.places:
            return self.places[name]
        if (name, width) not in self._fixed:
            self._fixed[name, width] = self.builder.constant(court_tensor(self.tensors[name], width))
        return self._fixed[name, width]


class PlacingTracer(Tracer):
    """Hears of a step, and follows what data point at."""

    trace: Placed

    def _move(self, function: Any, args: Any, kwargs: Any) -> Any:
        """Record a kernel that moves elements; where data say which, by the primitives that come to the same."""
        name = kernel_name(function)
        index = INDICES[name](args) if name in INDICES else None
        if index is None or self.trace.keep(index) not in self.trace.places:
            return super()._move(function, args, kwargs)
        places = PLACES[name](args[0], self._column(index) if name == "index" else index)
        result = function(*args, **kwargs)
        kept = self.trace.keep
        if name == "scatter":
            self.trace.add("select", (kept(places), kept(args[0]), kept(args[3])), result, {})
        else:
            self.trace.add("gather", (kept(args[0]),), result, {"index": kept(places)})
        return result

    def _column(self, index: Tensor) -> Tensor:
        """Return integers one below the other."""
        column = index.reshape(-1, 1).clone()
        whole = self.trace.keep(torch.arange(len(column))[:, None])
        self.trace.add("gather", (self.trace.keep(index),), column, {"index": whole})
        return column


# Which argument says where from, or where to.
INDICES: Final = {"index": lambda args: args[1][0], "gather": lambda args: args[2], "scatter": lambda args: args[2]}


def rows_at(table: Tensor, index: Tensor) -> Tensor:
    """Return where the elements of these rows [N, 1] of a table [V, D] are."""
    check(table.dim() == 2)
    return iadd(mul_lo(index, table.shape[1]), torch.arange(table.shape[1], device=index.device))


def columns_at(x: Tensor, index: Tensor) -> Tensor:
    """Return where the elements in these columns [N, K] of x [N, V] are."""
    check(x.dim() == 2 and index.dim() == 2)
    return iadd(index, torch.arange(0, x.numel(), x.shape[1], device=index.device)[:, None])


def is_elsewhere(x: Tensor, index: Tensor) -> Tensor:
    """Return [N, V] of integers, zero in the column of x [N, V] that stands in index [N, 1]."""
    check(x.dim() == 2 and tuple(index.shape) == (len(x), 1))
    return xor(torch.arange(x.shape[1], device=index.device), index)


PLACES: Final = {"index": rows_at, "gather": columns_at, "scatter": is_elsewhere}


def check(is_simple: bool) -> None:
    """Nothing for a move that is followed. Raises NotExact."""
    if not is_simple:
        raise NotExact("Data point at elements in a way that is not followed.")


def spot_of(tensor: Tensor) -> Spot:
    """Return where torch keeps a tensor."""
    strides = tuple(stride if size > 1 else 0 for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tuple(tensor.shape), strides, tensor.dtype


def strides_of(index: Any) -> tuple[int, tuple[tuple[int, int], ...]] | None:
    """Return offset and (size, stride) of each side, the innermost first, that count to these places; None if none do.

    Places that follow on from a side belong to it, so that there is one way at most.
    """
    offset, rest, pairs = int(index[0]), index - index[0], list[tuple[int, int]]()
    if (index < 0).any():
        return None
    while len(rest) > 1:
        stride = int(rest[1])
        breaks = np.flatnonzero(rest != np.arange(len(rest)) * stride)
        size = int(breaks[0]) if len(breaks) else len(rest)
        if len(rest) % size or len(pairs) == MAP_SIDES:
            return None
        table = rest.reshape(-1, size)
        if (table != table[:, :1] + np.arange(size) * stride).any():
            return None
        pairs.append((size, stride))
        rest = table[:, 0]
    return offset, tuple(pairs)


def print_of(tensor: Tensor) -> bytes:
    """Return what stands for a tensor's bits."""
    flat = tensor.detach().contiguous().cpu().reshape(-1)
    return blake3(flat.view(torch.uint8).numpy().data).digest()


def court_tensor(tensor: Tensor, width: int) -> court.Tensor:
    """Return a constant in words of `width` bytes. Raises NotExact for an integer that does not fit."""
    values = tensor.numpy()
    if values.dtype != np.float32:
        values = values.astype("<i8")
        if width == 4 and ((values < -(WORD + 1) // 2) | (values > WORD)).any():
            raise NotExact("An integer of the step has more than 32 bits.")
        values = (values & WORD).astype("<u4") if width == 4 else values
    return court.Tensor(Shape(*sides(tensor), width), values.tobytes())
