"""An element that follows from a longer row than one judgement takes, as the parts of it that each party states.

A sum of products is the sum of its parts' sums, a row's largest the largest of its parts', its exponent the least. So a
party that has another element has another part, and the first that differs is judged by itself: an element of an
operation whose output is the row of all parts. Programs know nothing of this.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from assay.proof.court.integers import LONG, signed
from assay.proof.court.judge import word_at
from assay.proof.court.operations import Operation
from assay.proof.court.primitives import PART, RULES, Op
from assay.proof.court.tree import Shape
from assay.schema.errors import Refused


class Parted(NamedTuple):
    """How an operation goes in parts: by which one, from which length of a row on, and what the parts make together."""

    op: Op
    whole_max: int
    join: Callable[[Sequence[int]], int]


PARTED: Final = {
    Op.DOT: Parted(Op.DOT_PARTS, 1_536, lambda words: sum(words) & LONG),
    Op.ROW_MAX: Parted(Op.MAX_PARTS, 768, lambda words: RULES[Op.ROW_MAX].evaluate((), [words])),
    Op.ROW_EXPONENT: Parted(Op.EXPONENT_PARTS, 1_536, lambda words: min(words, key=signed)),
}
"""The longest rows that are judged whole: what a million gas is enough for, deep in a large tensor."""


def parts_of(operation: Operation, place: int) -> Operation | None:
    """The operation whose elements are the parts of the element at a place; None where that is judged whole."""
    parted, columns = PARTED.get(operation.op), operation.inputs[0][1]
    if parted is None or columns <= parted.whole_max:
        return None
    row, column = divmod(place, operation.columns)
    rows = [row]
    if operation.op is Op.DOT:
        batch = row // (operation.rows // operation.parameters[0])
        rows.append(batch * operation.columns + column)
    return Operation(parted.op, 1, -(-columns // PART), operation.inputs, tuple(rows))


def joined(operation: Operation, words: Sequence[int]) -> int:
    """The element of an operation that these parts of it make together."""
    return PARTED[operation.op].join(words)


def words_in(shape: Shape, data: bytes) -> list[int]:
    """The parts that a party states. Raises Refused for another number of them."""
    if len(data) != shape.row_bytes:
        raise Refused("court.malformed", f"The element has {shape.columns} parts of {shape.width} bytes.")
    return [word_at(data, at, shape.width) for at in range(shape.columns)]
