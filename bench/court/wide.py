"""A lease as long as the aim's, one of whose operators works on rows as wide as a real model's.

The steps of the rehearsal, with one block of eight operators in each on tensors of WIDTH columns: those are disputed.
The rest is of small tensors, which changes neither rounds nor what is said in them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from assay.proof.court.machine import Step, Tensor, run_step, tensor_of
from assay.proof.court.operations import Operation
from assay.proof.court.primitives import Op
from assay.proof.court.program import Operator, Place, Program, Source
from assay.proof.court.rehearsal import BLOCK, DATA_KINDS, Rehearsal, float_of
from assay.proof.court.softfloat import SIGN
from assay.proof.court.tree import Shape
from assay.proof.keccak import keccak256

WIDTH: Final = 1024
ROWS: Final = 2


@dataclass(frozen=True)
class WideRehearsal(Rehearsal):
    """A rehearsal whose block from operator `wide` on is of WIDTH columns; state and data hold both sizes."""

    wide: int = 0

    @cached_property
    def program(self) -> Program:
        """The program of a step: two small slots of state, and two that end in what the wide block puts out."""
        small = super().program
        last = (Source(Place.TRACE, self.wide + number) for number in (BLOCK - 1, BLOCK - 2))
        return Program(small.operators, (*small.closing, *last), 2)

    def block(self, start: int) -> list[Operator]:
        """Eight operators, wide ones if they are those of the dispute."""
        return self.wide_block(start) if start == self.wide else super().block(start)

    def wide_block(self, start: int) -> list[Operator]:
        """A sum, a product, exponents, quantisation, a matrix product, descaling and a quotient, on wide rows."""
        wide, column, square = (ROWS, WIDTH), (ROWS, 1), (ROWS, ROWS)
        own = [Source(Place.TRACE, start + number) for number in range(BLOCK)]
        state = [Source(Place.STATE, slot) for slot in (2, 3)]
        constant = Source(Place.CONSTANT, root=self.divisor.root)
        return [
            Operator(Operation(Op.ADD, *wide, (wide, wide)), tuple(state)),
            Operator(Operation(Op.MUL, *wide, (wide, wide)), (own[0], Source(Place.DATA, 1))),
            Operator(Operation(Op.ROW_EXPONENT, *column, (wide,)), (own[1],)),
            Operator(Operation(Op.QUANTISE, *wide, (wide, column)), (own[1], own[2])),
            Operator(Operation(Op.DOT, *square, (wide, wide), (1,)), (own[3], own[3])),
            Operator(Operation(Op.IADD, *column, (column, column)), (own[2], own[2])),
            Operator(Operation(Op.DESCALE, *square, (square, column)), (own[4], own[5])),
            Operator(Operation(Op.DIV, *wide, (wide, (1, 1))), (own[1], constant)),
        ]

    def wide_tensor(self, *name: object) -> Tensor:
        """A wide tensor of floats between a half and one, of either sign, that follows from a name."""
        drawn = [int.from_bytes(keccak256(repr((*name, at)).encode())[:4], "big") for at in range(ROWS * WIDTH)]
        return tensor_of(Shape(ROWS, WIDTH), [float_of(-1) | each & 0x7FFFFF | each & SIGN for each in drawn])

    @cached_property
    def state(self) -> tuple[Tensor, ...]:
        """The state before the step that is disputed."""
        small = (self.tensor("state", 0), self.tensor("state", 1))
        return (*small, self.wide_tensor("state", 2), self.wide_tensor("state", 3))

    @cached_property
    def pairs(self) -> list[tuple[Tensor, Tensor]]:
        """The data of a step, a small tensor and a wide one: the same few come again."""
        return [(self.tensor("data", kind), self.wide_tensor("data", kind)) for kind in range(DATA_KINDS)]

    @cached_property
    def data_roots(self) -> list[bytes]:
        """The roots of all data, step by step."""
        return [tensor.root for step in range(self.length) for tensor in self.pairs[step % DATA_KINDS]]

    def run(self, state: tuple[Tensor, ...], step: int, changed: Mapping[int, Tensor] | None = None) -> Step:
        """One step from this state on."""
        constants = {self.divisor.root: self.divisor}
        return run_step(self.program, state, list(self.pairs[step % DATA_KINDS]), constants, changed)
