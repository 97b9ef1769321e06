"""A program run at full speed in numpy, to the very bits that the court's own machine comes to element by element.

Elementwise kernels are rounded once by IEEE-754; sums of products of 21-bit integers are exact in float64, in whatever
order a library adds them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assay.proof.court import Op, Operation, Operator, Place, Program, Shape, Source
from assay.proof.court.machine import Tensor
from assay.proof.court.program import Find, finder

Array = NDArray[Any]
BITS: Final = 21
TERMS_MAX: Final = 1 << (53 - 2 * BITS)
EXPONENT_MIN, EXPONENT_MAX = -105, 128
RELATIONS: Final = (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal)


def row_exponent(x: Array) -> Array:
    """Each row's exponent."""
    top = np.abs(x).max(-1, keepdims=True)
    exponents: Array = BITS - np.clip((top.view(np.int32) >> 23) - 126, EXPONENT_MIN, EXPONENT_MAX).astype(np.int32)
    return exponents


def quantise(x: Array, exponents: Array) -> Array:
    """The nearest integers to x * 2^exponent."""
    return np.rint(np.ldexp(x.astype(np.float64), exponents)).astype(np.int32)


def dot(a: Array, b: Array, batches: int) -> Array:
    """The exact sums of products of the rows of both, batch by batch."""
    left, right = (x.reshape(batches, -1, x.shape[1]).astype(np.float64) for x in (a, b))
    sums: Array = np.zeros((batches, left.shape[1], right.shape[1]), np.int64)
    for start in range(0, a.shape[1], TERMS_MAX):
        part = slice(start, start + TERMS_MAX)
        sums += (left[:, :, part] @ right[:, :, part].transpose(0, 2, 1)).astype(np.int64)
    return sums.reshape(len(a), -1)


def descale(sums: Array, places: Array) -> Array:
    """The float32 nearest to n * 2^-places. Beyond 53 bits the lowest 11 become one sticky bit, as in training."""
    near, is_long = sums.astype(np.float64), (sums >> 53) != (sums >> 63)
    if is_long.any():
        sticky = (sums >> 11 << 1) | ((sums & 2047) != 0)
        near = np.where(is_long, sticky.astype(np.float64) * 1024.0, near)
    return np.ldexp(near, -places).astype(np.float32)


def layout(x: Array, operation: Operation) -> Array:
    """The moved elements."""
    places: Array = np.arange(operation.rows * operation.columns)
    index: Array = np.full(len(places), operation.parameters[0])
    pairs = zip(operation.parameters[1::2], operation.parameters[2::2], strict=True)
    for size, stride in pairs:
        if size > 1:
            places, coordinates = np.divmod(places, size)
            index = index + coordinates * stride
    return x.reshape(-1)[index].reshape(operation.rows, operation.columns)


def total(index: Array, x: Array, rows: int) -> Array:
    """The sums of the rows of x by index."""
    sums = np.zeros((rows, x.shape[1]), np.int64)
    np.add.at(sums, index.reshape(-1), x.astype(np.int64))
    return sums


def gather(x: Sequence[Array]) -> Array:
    """The elements that the first names, counted over the others end to end; -1 is a zero."""
    index, *parts = x
    moved: Array = np.concatenate([*(part.reshape(-1) for part in parts), np.zeros(1, np.int32)])[index]
    return moved


LONG_BYTES: Final = 8
GONE: Final = np.zeros((0, 0), np.float32)
"""Stands where an output was that nothing needs any more."""
FLOATS, WORDS = np.dtype("<f4"), np.dtype("<i4")
KERNELS: Final[Mapping[Op, Callable[[Operation, Sequence[Array]], Array]]] = {
    Op.ADD: lambda _, x: x[0] + x[1],
    Op.SUB: lambda _, x: x[0] - x[1],
    Op.MUL: lambda _, x: x[0] * x[1],
    Op.DIV: lambda _, x: x[0] / x[1],
    Op.SQRT: lambda _, x: np.sqrt(x[0].astype(np.float64)).astype(np.float32),
    Op.NEG: lambda _, x: -x[0],
    Op.MAX: lambda _, x: np.maximum(x[0], x[1]) + np.float32(0),
    Op.ROW_MAX: lambda _, x: x[0].max(-1, keepdims=True) + np.float32(0),
    Op.ROUND_INT: lambda _, x: np.rint(x[0]),
    Op.POW2: lambda _, x: np.ldexp(1.0, x[0]).astype(np.float32),
    Op.IADD: lambda _, x: x[0] + x[1],
    Op.ISUB: lambda _, x: x[0] - x[1],
    Op.MUL_LO: lambda _, x: x[0] * x[1],
    Op.XOR: lambda _, x: x[0] ^ x[1],
    Op.COMPARE: lambda of, x: RELATIONS[of.parameters[0]](x[0], x[1]).astype(np.int32),
    Op.SELECT: lambda _, x: np.where(x[0] != 0, x[1], x[2]),
    Op.ROW_EXPONENT: lambda _, x: row_exponent(x[0]),
    Op.QUANTISE: lambda _, x: quantise(x[0], x[1]),
    Op.DOT: lambda of, x: dot(x[0], x[1], of.parameters[0]),
    Op.DESCALE: lambda _, x: descale(x[0], x[1]),
    Op.SUM_AT: lambda of, x: total(x[0], x[1], of.rows),
    Op.GATHER: lambda _, x: gather(x),
    Op.LAYOUT: lambda of, x: layout(x[0], of),
}
WHOLE: Final = frozenset({Op.ROW_MAX, Op.ROW_EXPONENT, Op.DOT, Op.SUM_AT, Op.LAYOUT})
"""Whose inputs are taken as they are; those of others repeat to the output's shape, of GATHER the first alone."""
FLOAT_INPUTS: Final = {
    **dict.fromkeys((Op.ADD, Op.SUB, Op.MUL, Op.DIV, Op.MAX, Op.COMPARE), (True, True)),
    **dict.fromkeys((Op.SQRT, Op.NEG, Op.ROW_MAX, Op.ROUND_INT, Op.ROW_EXPONENT), (True,)),
    Op.QUANTISE: (True, False),
}
"""Which inputs are read as floats; all others are words."""


def run_arrays(
    program: Program,
    state: Sequence[Array],
    data: Sequence[Array],
    constants: Mapping[bytes, Array],
    hear: Callable[[int, Array], Array] = lambda _, output: output,
) -> tuple[Array, ...]:
    """The state after one step. Every output is heard of, may be put in another's place, and is let go of after use."""
    outputs = list[Array]()
    find = finder(state, data, outputs, constants)
    with np.errstate(all="ignore"):
        for number, operator in enumerate(program.operators):
            outputs.append(hear(number, run_operator(operator, find)))
            for index in program.released[number]:
                outputs[index] = GONE
    return tuple(find(source) for source in program.closing)


def run_operator(operator: Operator, find: Find[Array]) -> Array:
    """The output of one operator."""
    operation = operator.operation
    inputs = inputs_of(operation, [find(source) for source in operator.sources])
    return np.ascontiguousarray(KERNELS[operation.op](operation, inputs))


def inputs_of(operation: Operation, found: Sequence[Array]) -> list[Array]:
    """Tensors as the kernel of an operation takes them."""
    floats = FLOAT_INPUTS.get(operation.op, ())
    typed = [as_kind(each, any(floats[number : number + 1])) for number, each in enumerate(found)]
    if operation.op in WHOLE:
        return typed
    count = 1 if operation.op is Op.GATHER else len(typed)
    return [repeated(each, operation) for each in typed[:count]] + typed[count:]


def as_kind(x: Array, is_float: bool) -> Array:
    """The same bits as floats or as words; words of 64 bits stay."""
    return x if x.dtype.itemsize == LONG_BYTES else x.view(FLOATS if is_float else WORDS)


def repeated(x: Array, operation: Operation) -> Array:
    """The tensor repeated to the output's shape."""
    if x.shape == (operation.rows, operation.columns):
        return x
    return np.tile(x, (operation.rows // x.shape[0], operation.columns // x.shape[1]))


def tensor_of(x: Array) -> Tensor:
    """An array as the court takes it."""
    rows, columns = x.shape
    return Tensor(Shape(rows, columns, x.dtype.itemsize), x.astype(x.dtype.newbyteorder("<")).tobytes())


def array_of(tensor: Tensor) -> Array:
    """A tensor as an array, of floats if its words have 32 bits: a kernel that wants words reads the same bits."""
    kind = "<i8" if tensor.shape.width == LONG_BYTES else FLOATS
    return np.frombuffer(tensor.data, kind).reshape(tensor.shape.rows, tensor.shape.columns)


@dataclass
class Rerun:
    """A step that is run again for what is asked of it: no more of its outputs are held than an operator takes.

    `amend` hears of every output, and may put another in its place.
    """

    program: Program
    before: Sequence[Array]
    data: Sequence[Array]
    constants: Mapping[bytes, Tensor]
    amend: Callable[[int, Array], Array] = lambda _, output: output
    _held: dict[int, Tensor] = field(default_factory=dict, init=False)

    @cached_property
    def state(self) -> tuple[Tensor, ...]:
        """The state before it."""
        return tuple(map(tensor_of, self.before))

    @cached_property
    def after(self) -> tuple[Tensor, ...]:
        """The state after it."""
        return self._run[0]

    @property
    def output_roots(self) -> Sequence[bytes]:
        """The roots of all operators' outputs."""
        return self._run[1]

    @cached_property
    def _run(self) -> tuple[tuple[Tensor, ...], list[bytes]]:
        roots = list[bytes]()

        def hear(number: int, output: Array) -> Array:
            amended = self.amend(number, output)
            roots.append(tensor_of(amended).root)
            return amended

        return tuple(map(tensor_of, run_arrays(self.program, self.before, self.data, self.arrays, hear))), roots

    @property
    def arrays(self) -> dict[bytes, Array]:
        """The constants as arrays, over the same memory."""
        return {root: array_of(tensor) for root, tensor in self.constants.items()}

    def output(self, number: int) -> Tensor:
        """One operator's output; what it takes is held with it, for that is asked about next."""
        taken = [source.index for source in self.program.operators[number].sources if source.place is Place.TRACE]
        return self._pick({number, *taken})[number]

    def tensors_at(self, sources: Sequence[Source]) -> list[Tensor]:
        """The tensors at these places."""
        held = self._pick({source.index for source in sources if source.place is Place.TRACE})
        find = finder(self.state, list(map(tensor_of, self.data)), [], self.constants)
        return [held[each.index] if each.place is Place.TRACE else find(each) for each in sources]

    def _pick(self, numbers: set[int]) -> Mapping[int, Tensor]:
        if not numbers <= self._held.keys():
            found = dict[int, Tensor]()

            def hear(number: int, output: Array) -> Array:
                amended = self.amend(number, output)
                if number in numbers:
                    found[number] = tensor_of(amended)
                return amended

            first = replace(self.program, operators=self.program.operators[: max(numbers) + 1], closing=())
            run_arrays(first, self.before, self.data, self.arrays, hear)
            self._held = found
        return self._held
