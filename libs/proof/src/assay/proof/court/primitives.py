"""The closed table of primitives that the court judges: what each takes, how far it reaches, what its element is.

An element of an output is a pure function of a few elements of the inputs. The names are those of the exact numerics;
`Judge.sol` holds the same table, and tests hold the three together. Operators of ordinary kernels are none of it: a
drawn committee measures these (`assay.proof.committee`).
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from assay.proof.court import integers as whole
from assay.proof.court import softfloat as real
from assay.proof.court.integers import WORD


class Op(IntEnum):
    """The primitives by the number that stands for them on chain."""

    ADD = 1
    SUB = 2
    MUL = 3
    DIV = 4
    SQRT = 5
    NEG = 6
    MAX = 7
    ROW_MAX = 8
    COMPARE = 9
    SELECT = 10
    ROUND_INT = 11
    POW2 = 12
    ROW_EXPONENT = 13
    QUANTISE = 14
    DOT = 15
    DESCALE = 16
    SUM_AT = 17
    IADD = 18
    ISUB = 19
    MUL_HI = 20
    MUL_LO = 21
    XOR = 22
    SHIFT_RIGHT = 23
    GATHER = 24
    LAYOUT = 25
    DOT_PARTS = 26
    MAX_PARTS = 27
    EXPONENT_PARTS = 28


class Reach(IntEnum):
    """Which elements of an input one element of the output, at (row, column), follows from."""

    SAME = 0
    """The one at the same place; an input that is smaller repeats."""
    ROW = 1
    """The whole row of the same number."""
    COLUMN = 2
    """The whole row that has the output's column as its number, within the same batch."""
    MAPPED = 3
    """The one whose place the parameters compute."""
    INDEX = 4
    """All of an input that is one row."""
    FOUND = 5
    """In the output's column, every row where the first operand names the output's row."""
    GATHERED = 6
    """The one that the first operand counts to over all inputs end to end, if it lies in this one."""
    PART = 7
    """Of the row that its parameter names, the part of PART columns that has the output's column as its number."""


Words = Sequence[int]
Evaluate = Callable[[tuple[int, ...], Sequence[Words]], int]


class Operand(NamedTuple):
    """How wide an input's elements are, in bytes, and which of them count."""

    width: int
    reach: Reach


class Rule(NamedTuple):
    """What a primitive takes and gives."""

    operands: tuple[Operand, ...]
    width: int
    parameters: int
    evaluate: Evaluate
    inputs_max: int = 0
    """Above zero: the last operand may come again, up to so many inputs in all."""

    def operand(self, number: int) -> Operand:
        """The operand of this number."""
        return self.operands[min(number, len(self.operands) - 1)]

    def takes(self, count: int) -> bool:
        """Whether so many inputs are right."""
        return len(self.operands) <= count <= max(self.inputs_max, len(self.operands))


RELATIONS: Final[tuple[Callable[[int, int], bool], ...]] = (
    real.is_less,
    lambda a, b: real.is_less(a, b) or real.is_equal(a, b),
    lambda a, b: real.is_less(b, a),
    lambda a, b: real.is_less(b, a) or real.is_equal(a, b),
    real.is_equal,
    lambda a, b: not real.is_equal(a, b),
)
"""Less, at most, greater, at least, equal, unequal: by the parameter of COMPARE."""


def _unary(function: Callable[[int], int]) -> Evaluate:
    return lambda _, operands: function(operands[0][0])


def _binary(function: Callable[[int, int], int]) -> Evaluate:
    return lambda _, operands: function(operands[0][0], operands[1][0])


def _row(function: Callable[[Words], int]) -> Evaluate:
    return lambda _, operands: function(operands[0])


def _compare(parameters: tuple[int, ...], operands: Sequence[Words]) -> int:
    return int(RELATIONS[parameters[0]](operands[0][0], operands[1][0]))


def _select(_: tuple[int, ...], operands: Sequence[Words]) -> int:
    return operands[1][0] if operands[0][0] else operands[2][0]


def _row_max(row: Words) -> int:
    largest = row[0]
    for x in row:
        largest = real.greater(largest, x)
    return largest


def _shift_right(parameters: tuple[int, ...], operands: Sequence[Words]) -> int:
    return operands[0][0] >> parameters[0] if 0 <= parameters[0] < 32 else 0


def _gather(_: tuple[int, ...], operands: Sequence[Words]) -> int:
    return next((words[0] for words in operands[1:] if words), 0)


MAP_SIDES: Final = 6
MAP_PARAMETERS: Final = 1 + 2 * MAP_SIDES
INPUTS_MAX: Final = 9
PART: Final = 512
"""So many elements of a row, whole chunks, are a part of it."""
SAME = Operand(4, Reach.SAME)
RULES: Final[dict[Op, Rule]] = {
    Op.ADD: Rule((SAME, SAME), 4, 0, _binary(real.add)),
    Op.SUB: Rule((SAME, SAME), 4, 0, _binary(real.subtract)),
    Op.MUL: Rule((SAME, SAME), 4, 0, _binary(real.multiply)),
    Op.DIV: Rule((SAME, SAME), 4, 0, _binary(real.divide)),
    Op.SQRT: Rule((SAME,), 4, 0, _unary(real.root)),
    Op.NEG: Rule((SAME,), 4, 0, _unary(real.negate)),
    Op.MAX: Rule((SAME, SAME), 4, 0, _binary(real.greater)),
    Op.ROW_MAX: Rule((Operand(4, Reach.ROW),), 4, 0, _row(_row_max)),
    Op.COMPARE: Rule((SAME, SAME), 4, 1, _compare),
    Op.SELECT: Rule((SAME, SAME, SAME), 4, 0, _select),
    Op.ROUND_INT: Rule((SAME,), 4, 0, _unary(whole.round_int)),
    Op.POW2: Rule((SAME,), 4, 0, _unary(whole.power)),
    Op.ROW_EXPONENT: Rule((Operand(4, Reach.ROW),), 4, 0, _row(whole.row_exponent)),
    Op.QUANTISE: Rule((SAME, SAME), 4, 0, _binary(whole.quantise)),
    Op.DOT: Rule(
        (Operand(4, Reach.ROW), Operand(4, Reach.COLUMN)), 8, 1, lambda _, operands: whole.dot(operands[0], operands[1])
    ),
    Op.DESCALE: Rule((Operand(8, Reach.SAME), SAME), 4, 0, _binary(whole.descale)),
    Op.SUM_AT: Rule(
        (Operand(4, Reach.INDEX), Operand(4, Reach.FOUND)), 8, 0, lambda _, operands: whole.total(operands[1])
    ),
    Op.IADD: Rule((SAME, SAME), 4, 0, _binary(lambda a, b: a + b & WORD)),
    Op.ISUB: Rule((SAME, SAME), 4, 0, _binary(lambda a, b: a - b & WORD)),
    Op.MUL_HI: Rule((SAME, SAME), 4, 0, _binary(lambda a, b: a * b >> 32)),
    Op.MUL_LO: Rule((SAME, SAME), 4, 0, _binary(lambda a, b: a * b & WORD)),
    Op.XOR: Rule((SAME, SAME), 4, 0, _binary(lambda a, b: a ^ b)),
    Op.SHIFT_RIGHT: Rule((SAME,), 4, 1, _shift_right),
    Op.GATHER: Rule((SAME, Operand(4, Reach.GATHERED)), 4, 0, _gather, INPUTS_MAX),
    Op.LAYOUT: Rule((Operand(4, Reach.MAPPED),), 4, MAP_PARAMETERS, _unary(int)),
    Op.DOT_PARTS: Rule((Operand(4, Reach.PART),) * 2, 8, 2, lambda _, operands: whole.dot(operands[0], operands[1])),
    Op.MAX_PARTS: Rule((Operand(4, Reach.PART),), 4, 1, _row(_row_max)),
    Op.EXPONENT_PARTS: Rule((Operand(4, Reach.PART),), 4, 1, _row(whole.row_exponent)),
}
