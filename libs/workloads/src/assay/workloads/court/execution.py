"""A program run at full speed in numpy, to the very bits that the court's own machine comes to element by element.

Elementwise kernels are rounded once by IEEE-754; sums of products of 21-bit integers are exact in float64, in whatever
order a library adds them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assay.proof.court import Op, Operation, Operator, Program, Shape
from assay.proof.court.machine import Step, Tensor
from assay.proof.court.program import Find, finder

Array = NDArray[Any]
BITS: Final = 21
TERMS_MAX: Final = 1 << (53 - 2 * BITS)
EXPONENT_MIN, EXPONENT_MAX = -105, 128
RELATIONS: Final = (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal)


def row_exponent(x: Array) -> Array:
    """Each row's exponent."""
    top = np.abs(x).max(-1, keepdims=True)
    return BITS - np.clip((top.view(np.int32) >> 23) - 126, EXPONENT_MIN, EXPONENT_MAX).astype(np.int32)


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
    """The float32 nearest to n * 2^-places, for sums of up to 2048 products, which a float64 holds."""
    return np.ldexp(sums.astype(np.float64), -places).astype(np.float32)


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
    program: Program, state: Sequence[Array], data: Sequence[Array], constants: Mapping[bytes, Array]
) -> tuple[list[Array], tuple[Array, ...]]:
    """Every operator's output in one step, and the state after it."""
    outputs = list[Array]()
    find = finder(state, data, outputs, constants)
    with np.errstate(all="ignore"):
        for operator in program.operators:
            outputs.append(run_operator(operator, find))
    return outputs, tuple(find(source) for source in program.closing)


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


def step_of(program: Program, state: Sequence[Array], data: Sequence[Array], constants: Mapping[bytes, Tensor]) -> Step:
    """One step with all that it was made of."""
    arrays = {root: array_of(tensor) for root, tensor in constants.items()}
    outputs, after = run_arrays(program, state, data, arrays)
    held, given, made, left = (tuple(map(tensor_of, each)) for each in (state, data, outputs, after))
    return Step(held, given, made, left, tuple(constants.values()))
