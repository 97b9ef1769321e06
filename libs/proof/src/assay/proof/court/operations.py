"""An operation: one primitive applied to whole tensors, as the program names it and as it is hashed and checked.

Tensors are seen as rows of their last axis. An input may be smaller than the output where it repeats: its sides divide
the output's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from assay.proof.court.primitives import PART, RELATIONS, RULES, Op, Reach, Rule
from assay.proof.court.tree import Shape
from assay.proof.keccak import keccak256
from assay.schema.errors import Refused

LONG_MAX: Final = 2**63


@dataclass(frozen=True, slots=True)
class Operation:
    """A primitive applied to tensors of these rows and columns, giving one of `rows` and `columns`."""

    op: Op
    rows: int
    columns: int
    inputs: tuple[tuple[int, int], ...]
    parameters: tuple[int, ...] = ()

    @property
    def rule(self) -> Rule:
        """What its primitive takes and gives."""
        return RULES[self.op]

    @property
    def shape(self) -> Shape:
        """The output's shape."""
        return Shape(self.rows, self.columns, self.rule.width)

    def input_shape(self, operand: int) -> Shape:
        """The shape of one input."""
        return Shape(*self.inputs[operand], self.rule.operand(operand).width)

    def words(self) -> bytes:
        """The operation as the contract packs it: 32-byte words, every list behind its length."""
        sides = [side for pair in self.inputs for side in pair]
        numbers = (self.op, self.rows, self.columns, len(self.parameters), *self.parameters, len(sides), *sides)
        return b"".join(number.to_bytes(32, "big", signed=True) for number in numbers)


def operation_digest(operation: Operation, roots: Sequence[bytes]) -> bytes:
    """The 32 bytes that stand for an operation on the very inputs that have these roots."""
    return keccak256(operation.words() + len(roots).to_bytes(32, "big") + b"".join(roots))


def check_operation(operation: Operation) -> None:
    """Nothing, if the shapes and parameters fit the primitive. Raises Refused."""
    rule = RULES.get(operation.op)
    if rule is None or not rule.takes(len(operation.inputs)) or len(operation.parameters) != rule.parameters:
        raise Refused("court.operation", f"{operation.op!r} takes other inputs or parameters.")
    shapes = [operation.shape, *(operation.input_shape(k) for k in range(len(operation.inputs)))]
    if not all(shape.is_sound() for shape in shapes):
        raise Refused("court.operation", "A side of a tensor is out of bounds.")
    if not all(-LONG_MAX <= number < LONG_MAX for number in operation.parameters):
        raise Refused("court.operation", "A parameter has more than 64 bits.")
    if operation.op is Op.COMPARE and not 0 <= operation.parameters[0] < len(RELATIONS):
        raise Refused("court.operation", "COMPARE knows six relations.")
    reaches = [rule.operand(k).reach for k in range(len(operation.inputs))]
    if not all(FITS[reach](*sides, operation) for reach, sides in zip(reaches, operation.inputs, strict=True)):
        raise Refused("court.operation", f"These shapes do not fit {operation.op.name}.")


def _is_wide(rows: int, columns: int, of: Operation) -> bool:
    batches = of.parameters[0]
    return batches > 0 and of.rows % batches == 0 and rows == batches * of.columns and columns == of.inputs[0][1]


def _is_parted(rows: int, columns: int, of: Operation) -> bool:
    is_row = all(0 <= row < sides[0] for row, sides in zip(of.parameters, of.inputs, strict=True))
    return is_row and columns == of.inputs[0][1] and (of.rows, of.columns) == (1, -(-columns // PART))


FITS: Final[dict[Reach, Callable[[int, int, Operation], bool]]] = {
    Reach.SAME: lambda rows, columns, of: of.rows % rows == 0 and of.columns % columns == 0,
    Reach.ROW: lambda rows, columns, of: rows == of.rows and (of.columns == 1 or of.op is Op.DOT),
    Reach.COLUMN: _is_wide,
    Reach.MAPPED: lambda rows, columns, of: True,
    Reach.INDEX: lambda rows, columns, of: rows == 1,
    Reach.FOUND: lambda rows, columns, of: rows == of.inputs[0][1] and columns == of.columns,
    Reach.GATHERED: lambda rows, columns, of: True,
    Reach.PART: _is_parted,
}
