"""The judge: one element of one operation, computed again from openings of inputs that both parties stand by.

`Judge.sol` is its twin on chain. Each party's element is compared with the true one by itself: none, one or both can be
wrong.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from assay.proof.court.integers import signed
from assay.proof.court.operations import Operation, check_operation
from assay.proof.court.primitives import PART, Reach
from assay.proof.court.tree import Shape, check_rows
from assay.schema.errors import Refused


class Span(NamedTuple):
    """A part of one row of an input: the columns from `first` up to, not including, `last`."""

    row: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Opening:
    """Whole chunks of a tensor, as bytes, and the siblings that lead from them to its root."""

    data: bytes
    path: tuple[bytes, ...]


def element_of(operation: Operation, roots: Sequence[bytes], place: int, openings: Sequence[Opening]) -> int:
    """The word that stands at flat index `place` of the operation's output. Raises Refused.

    `openings` prove the operands, in the order in which `spans` names them, under the inputs' roots.
    """
    check_operation(operation)
    if len(roots) != len(operation.inputs):
        raise Refused("court.operation", f"{operation.op.name} on {len(roots)} inputs is not judged by elements.")
    if not 0 <= place < operation.rows * operation.columns:
        raise Refused("court.bad_opening", f"The output has no element {place}.")
    given, operands = iter(openings), list[list[int]]()
    for number, root in enumerate(roots):
        shape = operation.input_shape(number)
        spans = spans_of(operation, number, place, operands)
        operands.append([word for span in spans for word in read(shape, root, span, next(given, None))])
    if next(given, None) is not None:
        raise Refused("court.bad_opening", "There are more openings than operands.")
    return operation.rule.evaluate(operation.parameters, operands)


def read(shape: Shape, root: bytes, span: Span, opening: Opening | None) -> list[int]:
    """The words of a span, from an opening of the chunks that it lies in. Raises Refused."""
    if opening is None:
        raise Refused("court.bad_opening", "An operand is not opened.")
    first, last = chunks_of(shape, span)
    if len(opening.data) != sum(map(shape.chunk_bytes, range(first, last))):
        raise Refused("court.bad_opening", f"{len(opening.data)} bytes are not chunks {first} to {last}.")
    check_rows(shape, root, opening.data, first, opening.path)
    start = (first - span.row * shape.row_chunks) * shape.chunk_elements
    return [word_at(opening.data, column - start, shape.width) for column in range(span.first, span.last)]


def chunks_of(shape: Shape, span: Span) -> tuple[int, int]:
    """The first chunk of a span, and the one after its last."""
    row = span.row * shape.row_chunks
    return row + span.first // shape.chunk_elements, row + (span.last - 1) // shape.chunk_elements + 1


def word_at(data: bytes, index: int, width: int) -> int:
    """One little-endian word."""
    return int.from_bytes(data[index * width : (index + 1) * width], "little")


def spans_of(operation: Operation, number: int, place: int, before: Sequence[Sequence[int]]) -> list[Span]:
    """Where the element at `place` finds its operand of this number, given those `before` it. Raises Refused."""
    row, column = divmod(place, operation.columns)
    rows, columns = operation.inputs[number]
    reach = operation.rule.operand(number).reach
    if reach is Reach.SAME:
        return [element(row % rows, column % columns)]
    if reach is Reach.ROW:
        return [Span(row, 0, columns)]
    if reach is Reach.COLUMN:
        batch = row // (operation.rows // operation.parameters[0])
        return [Span(batch * operation.columns + column, 0, columns)]
    if reach is Reach.INDEX:
        return [Span(0, 0, columns)]
    if reach is Reach.FOUND:
        return [element(found, column) for found, name in enumerate(before[0]) if signed(name) == row]
    if reach is Reach.PART:
        return [Span(operation.parameters[number], column * PART, min((column + 1) * PART, columns))]
    if reach is Reach.MAPPED:
        return [at(mapped(operation.parameters, place), rows, columns)]
    return list(gathered(operation, number, signed(before[0][0])))


def gathered(operation: Operation, number: int, index: int) -> Iterator[Span]:
    """Where a gathered element lies in this input, if it does; index -1 stands for zero. Raises Refused."""
    sizes = [rows * columns for rows, columns in operation.inputs[1:]]
    if not -1 <= index < sum(sizes):
        raise Refused("court.operation", f"The inputs have no element {index} to gather.")
    index -= sum(sizes[: number - 1])
    if 0 <= index < sizes[number - 1]:
        yield at(index, *operation.inputs[number])


def mapped(parameters: tuple[int, ...], place: int) -> int:
    """The input's flat index for the output's: an offset, and (size, stride) of each side, the innermost first."""
    index = parameters[0]
    for size, stride in zip(parameters[1::2], parameters[2::2], strict=True):
        if size > 1:
            place, coordinate = divmod(place, size)
            index += coordinate * stride
    return index


def at(index: int, rows: int, columns: int) -> Span:
    """The element at a flat index. Raises Refused if there is none."""
    if not 0 <= index < rows * columns:
        raise Refused("court.operation", f"The input has no element {index}.")
    return element(*divmod(index, columns))


def element(row: int, column: int) -> Span:
    """One element."""
    return Span(row, column, column + 1)
