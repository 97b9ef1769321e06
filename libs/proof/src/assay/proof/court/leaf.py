"""The leaf of a dispute: one operator, or the closing of a step, whose inputs are agreed and whose output is not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assay.proof.court.descent import Descent, descend
from assay.proof.court.judge import Opening, element_of, word_at
from assay.proof.court.moves import PARTIES, Found, Party
from assay.proof.court.operations import Operation, check_operation, operation_digest
from assay.proof.court.parts import joined, parts_of, words_in
from assay.proof.court.program import Operator, Place, Source, closing_digest
from assay.proof.court.terms import Record
from assay.proof.court.trace import reopen
from assay.proof.court.tree import HASH_BYTES, check_entry, check_rows, is_root, list_root, tensor_root
from assay.schema.errors import Refused


@dataclass(frozen=True)
class Agreed:
    """What both parties stand by: the record, the step, its state before, and the trace before an operator.

    The roots of state and trace are as the search told them, except at the lease's start and the step's.
    """

    record: Record
    step: int
    state: bytes
    number: int
    trace: bytes

    def check_found(self, source: Source, found: Found) -> None:
        """Nothing, if this is the tensor at the source. Raises Refused."""
        lists = {
            Place.STATE: (self.state, 0, self.record.slots),
            Place.TRACE: (self.trace, 0, self.number),
            Place.DATA: (self.record.data, self.step * self.record.data_slots, self.record.data_slots),
        }
        if source.place is Place.CONSTANT:
            if found.root != source.root or found.path:
                raise Refused("court.bad_opening", "The program fixes another constant.")
            return
        root, first, count = lists[source.place]
        if not 0 <= source.index < count:
            raise Refused("court.bad_opening", f"The program names no {source.place.name} {source.index} here.")
        size = self.record.length * count if source.place is Place.DATA else count
        check_entry(root, found.root, first + source.index, size, found.path)

    def check_program(self, entry: bytes, number: int, path: Sequence[bytes]) -> None:
        """Nothing, if the program has this entry at this place. Raises Refused."""
        check_entry(self.record.program, entry, number, self.record.operators + self.record.slots, path)

    def check_operator(self, operator: Operator, path: Sequence[bytes], inputs: Sequence[Found]) -> None:
        """Nothing, if this is the program's operator here and these are its inputs. Raises Refused."""
        self.check_program(operator.digest, self.number, path)
        check_operation(operator.operation)
        if len(inputs) != len(operator.sources):
            raise Refused("court.bad_opening", f"The operator has {len(operator.sources)} inputs.")
        for source, found in zip(operator.sources, inputs, strict=True):
            self.check_found(source, found)

    def check_extended(self, peaks: tuple[bytes, ...], output: bytes, extended: bytes) -> None:
        """Nothing, if the agreed trace and this output make the trace `extended`. Raises Refused."""
        if not is_root(reopen(self.trace, self.number, peaks).append(output).root, extended):
            raise Refused("court.bad_opening", "The output does not lead from the agreed trace to the claimed one.")


def leaf_of(agreed: Agreed, operator: Operator | None, roots: tuple[bytes, ...], output: bytes) -> "Leaf":
    """The leaf before anything was said of its output's chunks."""
    chunks = operator.operation.shape.chunks if operator else agreed.record.slots
    return Leaf(agreed, operator, roots, output, descend(chunks))


@dataclass(frozen=True)
class Leaf:
    """The output in question; `operator` is None for the closing, whose output is the next state as it was told."""

    agreed: Agreed
    operator: Operator | None
    roots: tuple[bytes, ...]
    output: bytes
    descent: Descent
    countered: bytes = b""
    chunk: int = 0
    pointed: bytes = b""
    place: int = 0
    words: tuple[int, int] = (0, 0)
    parts: tuple[int, ...] = ()
    """The worker's parts of the element in question."""
    part: int = 0

    @property
    def width(self) -> int:
        """The size of an element, in bytes; a state's are roots."""
        return self.operator.operation.shape.width if self.operator else HASH_BYTES

    @property
    def operation_digest(self) -> bytes:
        """What stands for the operation on its inputs."""
        assert self.operator is not None
        return operation_digest(self.operator.operation, self.roots)

    def check_chunk(self, root: bytes, chunk: int, opening: Opening) -> None:
        """Nothing, if the opening is this chunk of an output with this root. Raises Refused."""
        if self.operator is None:
            if len(opening.data) != HASH_BYTES:
                raise Refused("court.bad_opening", "A slot of a state holds a root.")
            return check_entry(root, opening.data, chunk, self.agreed.record.slots, opening.path)
        shape = self.operator.operation.shape
        if not 0 <= chunk < shape.chunks or len(opening.data) != shape.chunk_bytes(chunk):
            raise Refused("court.bad_opening", f"This is not chunk {chunk} of {shape}.")
        return check_rows(shape, root, opening.data, chunk, opening.path)

    def is_top(self, top: bytes) -> bool:
        """Whether this is the hash on top of the chunks of the worker's output."""
        shape = self.operator.operation.shape if self.operator else None
        root = tensor_root(shape, top) if shape else list_root(self.agreed.record.slots, top)
        return is_root(root, self.output)

    def first_difference(self, worker: bytes, challenger: bytes) -> tuple[int, tuple[int, int]] | None:
        """The flat index of the first element that differs in the chunk, and both words; None if none does."""
        for index in range(len(worker) // self.width):
            words = word_at(worker, index, self.width), word_at(challenger, index, self.width)
            if words[0] != words[1]:
                return self._place(index), words
        return None

    def _place(self, index: int) -> int:
        if self.operator is None:
            return self.chunk
        shape = self.operator.operation.shape
        row, part = divmod(self.chunk, shape.row_chunks)
        return row * shape.columns + part * shape.chunk_elements + index

    @property
    def in_parts(self) -> Operation | None:
        """The operation of the parts of the element in question; None where that is judged whole."""
        return parts_of(self.operator.operation, self.place) if self.operator else None

    def word_of(self, party: Party) -> int:
        """What a party has in question: the element, or in the end its part."""
        return self.words[PARTIES.index(party)]

    def check_parts(self, stated: bytes, word: int) -> tuple[int, ...]:
        """The parts that a party states of the element, of which it has this word. Raises Refused."""
        assert self.operator is not None and self.in_parts is not None
        words = words_in(self.in_parts.shape, stated)
        if joined(self.operator.operation, words) != word:
            raise Refused("court.bad_opening", "The parts do not make the element.")
        return tuple(words)

    def at_part(self, theirs: Sequence[int]) -> "Leaf":
        """The leaf at the first part that differs, with the word of each party there."""
        pairs = list(zip(self.parts, theirs, strict=True))
        part = next(at for at, (mine, other) in enumerate(pairs) if mine != other)
        return replace(self, part=part, words=pairs[part])

    def truth(self, operands: Sequence[Opening]) -> int:
        """The true word in question, by openings of the operands. Raises Refused."""
        assert self.operator is not None
        if (in_parts := self.in_parts) is not None:
            return element_of(in_parts, self.roots, self.part, operands)
        return element_of(self.operator.operation, self.roots, self.place, operands)

    def closing_truth(self, source: Source, path: Sequence[bytes], found: Found) -> int:
        """The true root of the slot in question, by its source. Raises Refused."""
        self.agreed.check_program(closing_digest(source), self.agreed.record.operators + self.place, path)
        self.agreed.check_found(source, found)
        return word_at(found.root, 0, HASH_BYTES)
