"""A program run at full speed in numpy, to the very bits that the court's own machine comes to element by element.

Elementwise kernels are rounded once by IEEE-754; sums of products of 21-bit integers are exact in float64, in whatever
order a library adds them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assay.proof.court import Op, Operation, Program, Shape
from assay.proof.court.machine import Step, Tensor
from assay.proof.court.program import finder

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


def dot(a: Array, b: Array) -> Array:
    """The exact sums of products of the rows of both."""
    total = np.zeros((len(a), len(b)), np.int64)
    for start in range(0, a.shape[1], TERMS_MAX):
        part = slice(start, start + TERMS_MAX)
        total += (a[:, part].astype(np.float64) @ b[:, part].astype(np.float64).T).astype(np.int64)
    return total


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


KERNELS: Final[Mapping[Op, Callable[[Operation, Sequence[Array]], Array]]] = {
    Op.ADD: lambda _, x: x[0] + x[1],
    Op.SUB: lambda _, x: x[0] - x[1],
    Op.MUL: lambda _, x: x[0] * x[1],
    Op.DIV: lambda _, x: x[0] / x[1],
    Op.IADD: lambda _, x: x[0] + x[1],
    Op.COMPARE: lambda of, x: RELATIONS[of.parameters[0]](x[0], x[1]).astype(np.int32),
    Op.SELECT: lambda _, x: np.where(x[0] != 0, x[1], x[2]),
    Op.ROW_EXPONENT: lambda _, x: row_exponent(x[0]),
    Op.QUANTISE: lambda _, x: quantise(x[0], x[1]),
    Op.DOT: lambda _, x: dot(x[0], x[1]),
    Op.DESCALE: lambda _, x: descale(x[0], x[1]),
    Op.LAYOUT: lambda of, x: layout(x[0], of),
}
WHOLE: Final = frozenset({Op.ROW_EXPONENT, Op.DOT, Op.LAYOUT})
"""Whose inputs are taken as they are; those of others repeat to the output's shape."""


def run_arrays(
    program: Program, state: Sequence[Array], data: Sequence[Array], constants: Mapping[bytes, Array]
) -> tuple[list[Array], tuple[Array, ...]]:
    """Every operator's output in one step, and the state after it."""
    outputs = list[Array]()
    find = finder(state, data, outputs, constants)
    with np.errstate(all="ignore"):
        for operator in program.operators:
            operation, inputs = operator.operation, [find(source) for source in operator.sources]
            if operation.op not in WHOLE:
                inputs = [repeated(each, operation) for each in inputs]
            outputs.append(np.ascontiguousarray(KERNELS[operation.op](operation, inputs)))
    return outputs, tuple(find(source) for source in program.closing)


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
    """A tensor of floats as an array."""
    return np.frombuffer(tensor.data, "<f4").reshape(tensor.shape.rows, tensor.shape.columns)


def step_of(program: Program, state: Sequence[Array], data: Sequence[Array], constants: Mapping[bytes, Tensor]) -> Step:
    """One step with all that it was made of."""
    arrays = {root: array_of(tensor) for root, tensor in constants.items()}
    outputs, after = run_arrays(program, state, data, arrays)
    held, given, made, left = (tuple(map(tensor_of, each)) for each in (state, data, outputs, after))
    return Step(held, given, made, left, tuple(constants.values()))
