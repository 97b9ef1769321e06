"""Builds a program of primitives: each method appends operators and names their output.

A product of matrices is that of the exact numerics: rows of 21-bit integers with a power of two each, summed exactly
and rounded once.
"""

from dataclasses import dataclass, field
from typing import Final

from assay.proof.court import Op, Operation, Operator, Place, Program, Source
from assay.proof.court.machine import Tensor
from assay.proof.court.primitives import MAP_SIDES

GREATER: Final = 2
"""The number of the relation `>`."""


@dataclass(frozen=True, slots=True)
class Named:
    """A tensor of the program by where it is found, with its rows and columns."""

    source: Source
    rows: int
    columns: int

    @property
    def sides(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns


@dataclass
class Builder:
    """The operators so far, and the constants that they name."""

    operators: list[Operator] = field(default_factory=list)
    constants: dict[bytes, Tensor] = field(default_factory=dict)

    def constant(self, tensor: Tensor) -> Named:
        """A fixed tensor."""
        self.constants.setdefault(tensor.root, tensor)
        return Named(Source(Place.CONSTANT, root=tensor.root), tensor.shape.rows, tensor.shape.columns)

    def apply(self, op: Op, rows: int, columns: int, *inputs: Named, parameters: tuple[int, ...] = ()) -> Named:
        """The output of one more operator."""
        operation = Operation(op, rows, columns, tuple(each.sides for each in inputs), parameters)
        self.operators.append(Operator(operation, tuple(each.source for each in inputs)))
        return Named(Source(Place.TRACE, len(self.operators) - 1), rows, columns)

    def each(self, op: Op, first: Named, *others: Named, parameters: tuple[int, ...] = ()) -> Named:
        """The output of an elementwise operator, of the first input's shape; smaller inputs repeat."""
        return self.apply(op, *first.sides, first, *others, parameters=parameters)

    def transposed(self, x: Named) -> Named:
        """The transpose."""
        strides = (x.rows, x.columns, x.columns, 1)
        parameters = (0, *strides, *(1, 0) * (MAP_SIDES - 2))
        return self.apply(Op.LAYOUT, x.columns, x.rows, x, parameters=parameters)

    def fixed(self, x: Named) -> tuple[Named, Named]:
        """Its rows in fixed point: integers, and each row's exponent."""
        exponents = self.apply(Op.ROW_EXPONENT, x.rows, 1, x)
        return self.each(Op.QUANTISE, x, exponents), exponents

    def product(self, a: Named, b: Named) -> Named:
        """a times the transpose of b, summed along the rows of both."""
        (left, of_left), (right, of_right) = self.fixed(a), self.fixed(b)
        sums = self.apply(Op.DOT, a.rows, b.rows, left, right, parameters=(1,))
        places = self.apply(Op.IADD, a.rows, b.rows, of_left, self.transposed(of_right))
        return self.each(Op.DESCALE, sums, places)

    def where_positive(self, signs: Named, x: Named, zero: Named) -> Named:
        """x where `signs` is above zero, else zero."""
        above = self.each(Op.COMPARE, signs, zero, parameters=(GREATER,))
        return self.each(Op.SELECT, above, x, zero)

    def program(self, closing: tuple[Named, ...], data_slots: int) -> Program:
        """The program whose next state these tensors are."""
        return Program(tuple(self.operators), tuple(each.source for each in closing), data_slots)
