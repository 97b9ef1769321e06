"""What a party holds of a lease, and the moves that follow from it if it tells the truth as it has it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from assay.proof.court import moves
from assay.proof.court.descent import nodes_of
from assay.proof.court.game import Dispute
from assay.proof.court.judge import Opening, Span, chunks_of, spans_of, word_at
from assay.proof.court.leaf import Leaf
from assay.proof.court.machine import Ran, Tensor, tensor_of
from assay.proof.court.moves import Found, Move, output_digest
from assay.proof.court.operations import Operation
from assay.proof.court.program import Place, Program, Source
from assay.proof.court.trace import prefixes
from assay.proof.court.tree import chunk_hashes, cut, hash_leaf, prove, told
from assay.proof.keys import Key


def parts_in(operation: Operation, inputs: Sequence[Tensor], _: int) -> list[int]:
    """All parts of an element as they are, whatever it is said to be."""
    return [element_at(operation, place, inputs) for place in range(operation.columns)]


@dataclass
class Holding:
    """A party's own account of a lease: the root of every state, its steps when they are asked for, all data's roots.

    `seen` is where it looks up tensors that the other one published, `words_of` how it comes to an element's parts.
    """

    key: Key
    program: Program
    states: Sequence[bytes]
    step: Callable[[int], Ran]
    data: Sequence[bytes]
    seen: Mapping[bytes, Tensor] = field(default_factory=dict)
    words_of: Callable[[Operation, Sequence[Tensor], int], list[int]] = parts_in

    def move(self, dispute: Dispute, last: Move | None) -> Move | None:
        """The move that is awaited from this party, or None if it has none to make."""
        for kind in dispute.awaits:
            if (made := MOVES[kind](self, dispute)) is not None:
                return made
        return None

    def contest(self, dispute: Dispute) -> Move | None:
        """Stands by the work."""
        return moves.Contest(dispute.terms.bond)

    def join(self, dispute: Dispute) -> Move | None:
        """Stands by the claim."""
        return moves.Join(dispute.terms.bond)

    def roots(self, dispute: Dispute) -> list[bytes]:
        """This party's roots at the places that the search asks for, as they are told."""
        if dispute.step is None:
            return [told(self.states[place]) for place in dispute.places]
        traces = prefixes(self.step(dispute.step).output_roots)
        return [told(traces[place].root) for place in dispute.places]

    def probe(self, dispute: Dispute) -> Move | None:
        """Its roots where they are asked for."""
        return moves.Probe(tuple(self.roots(dispute)))

    def choose(self, dispute: Dispute) -> Move | None:
        """The first root that is not its own."""
        own = self.roots(dispute)
        differing = (index for index, root in enumerate(dispute.roots) if root != own[index])
        return moves.Choose(next(differing, len(own)))

    def open(self, dispute: Dispute) -> Move | None:
        """The operator in question, by the program, with its inputs and its own output."""
        assert dispute.step is not None
        number, step = dispute.interval.low, self.step(dispute.step)
        operator = self.program.operators[number]
        outputs = step.output_roots
        inputs = tuple(self.find(dispute, source, number) for source in operator.sources)
        digest = output_digest(dispute.terms, operator.operation, [found.root for found in inputs], outputs[number])
        peaks = prefixes(outputs[:number])[-1].peaks
        path = list_path(self.program.entries, number)
        return moves.Open(operator, path, inputs, peaks, outputs[number], self.key.sign(digest))

    def find(self, dispute: Dispute, source: Source, number: int) -> Found:
        """A tensor's root by its source, with its path in what both agree on."""
        assert dispute.step is not None
        step, slots = self.step(dispute.step), dispute.terms.record.data_slots
        if source.place is Place.CONSTANT:
            return Found(source.root)
        if source.place is Place.DATA:
            index = dispute.step * slots + source.index
            return Found(self.data[index], list_path(self.data, index))
        is_state = source.place is Place.STATE
        roots = [tensor.root for tensor in step.state] if is_state else step.output_roots[:number]
        return Found(roots[source.index], list_path(roots, source.index))

    def own(self, dispute: Dispute) -> tuple[bytes, list[bytes], list[bytes]]:
        """Its own output in question: root, chunks, hashes of chunks."""
        assert dispute.step is not None
        step = self.step(dispute.step)
        if dispute.interval.low == dispute.terms.record.operators:
            chunks = [tensor.root for tensor in step.after]
            return self.states[dispute.step + 1], chunks, [hash_leaf(chunk) for chunk in chunks]
        tensor = step.output(dispute.interval.low)
        return tensor.root, list(cut(tensor.shape, tensor.data)), chunk_hashes(tensor.shape, tensor.data)

    def point(self, dispute: Dispute) -> Move | None:
        """The first chunk that differs from the worker's, if that can be seen."""
        leaf, (root, chunks, hashes) = _leaf(dispute), self.own(dispute)
        signature = ""
        if leaf.operator is not None:
            digest = output_digest(dispute.terms, leaf.operator.operation, leaf.roots, root)
            signature = self.key.sign(digest)
        if (chunk := self.differing(leaf, hashes)) is None:
            return None
        return moves.Point(root, chunk, Opening(chunks[chunk], prove(hashes, chunk, chunk + 1)), signature)

    def differing(self, leaf: Leaf, hashes: Sequence[bytes]) -> int | None:
        """The first chunk that differs from the worker's: as it was shown, or published; None if it cannot be seen."""
        if leaf.descent.is_at_leaves:
            first = leaf.descent.first
            return first + first_unlike(hashes[first:], leaf.descent.hashes)
        theirs = self.published(leaf)
        return None if theirs is None else first_unlike(hashes, theirs)

    def published(self, leaf: Leaf) -> Sequence[bytes] | None:
        """The hashes of the worker's chunks, if its output was published."""
        tensor = self.seen.get(leaf.output)
        return None if tensor is None else chunk_hashes(tensor.shape, tensor.data)

    def demand(self, dispute: Dispute) -> Move | None:
        """Asks for what was not published: the top first, then below the first node that differs."""
        descent = _leaf(dispute).descent
        own = nodes_of(self.own(dispute)[2], descent.level)[descent.first :]
        return moves.Demand(first_unlike(own, descent.hashes))

    def reveal(self, dispute: Dispute) -> Move | None:
        """The nodes of its output that were asked for."""
        level, first, last = _leaf(dispute).descent.below
        return moves.Reveal(tuple(nodes_of(self.own(dispute)[2], level)[first:last]))

    def answer(self, dispute: Dispute) -> Move | None:
        """Its own content of the chunk that was pointed at, and the parts of what differs there first."""
        leaf, (_, chunks, hashes) = _leaf(dispute), self.own(dispute)
        opening = Opening(chunks[leaf.chunk], prove(hashes, leaf.chunk, leaf.chunk + 1))
        if (found := leaf.first_difference(opening.data, leaf.pointed)) is None:
            return moves.Answer(opening)
        place, words = found
        return moves.Answer(opening, self.parts(dispute, replace(leaf, place=place), words[0]))

    def prove(self, dispute: Dispute) -> Move | None:
        """The operands of the element in question, or of the first of its parts that differs, opened."""
        leaf = _leaf(dispute)
        if leaf.operator is not None:
            operation, place, inputs = leaf.operator.operation, leaf.place, self.inputs(dispute, leaf)
            if (parts := self.parts(dispute, leaf, leaf.words[1])) is not None and leaf.in_parts is not None:
                operation, place = leaf.in_parts, leaf.at_part(leaf.check_parts(parts.words, leaf.words[1])).part
            return moves.Prove(tuple(openings_of(operation, place, inputs)), parts=parts)
        number, source = dispute.terms.record.operators, self.program.closing[leaf.place]
        path = list_path(self.program.entries, number + leaf.place)
        return moves.Prove((), source, path, self.find(dispute, source, number))

    def inputs(self, dispute: Dispute, leaf: Leaf) -> list[Tensor]:
        """The tensors that the operator in question takes."""
        assert leaf.operator is not None and dispute.step is not None
        return self.step(dispute.step).tensors_at(leaf.operator.sources)

    def parts(self, dispute: Dispute, leaf: Leaf, word: int) -> moves.Parts | None:
        """The parts of the element in question, of which it has this word; None where that is judged whole."""
        if (operation := leaf.in_parts) is None:
            return None
        tensor = tensor_of(operation.shape, self.words_of(operation, self.inputs(dispute, leaf), word))
        digest = output_digest(dispute.terms, operation, leaf.roots, tensor.root)
        return moves.Parts(tensor.data, self.key.sign(digest))


def _leaf(dispute: Dispute) -> Leaf:
    assert dispute.leaf is not None
    return dispute.leaf


def first_unlike(own: Sequence[bytes], theirs: Sequence[bytes]) -> int:
    """The place of the first that is not alike; the first if all are, or none is there."""
    return next((at for at, (mine, other) in enumerate(zip(own, theirs, strict=False)) if mine != other), 0)


def list_path(entries: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The siblings of one entry of a list."""
    return prove([hash_leaf(entry) for entry in entries], index, index + 1)


def operands_of(
    operation: Operation, place: int, inputs: Sequence[Tensor]
) -> Iterator[tuple[Tensor, list[Span], list[int]]]:
    """Each input of an element, where it is read, and the words that stand there. Raises Refused."""
    read = list[list[int]]()
    for number, tensor in enumerate(inputs):
        spans, columns = spans_of(operation, number, place, read), tensor.shape.columns
        places = [span.row * columns + at for span in spans for at in range(span.first, span.last)]
        read.append([word_at(tensor.data, at, tensor.shape.width) for at in places])
        yield tensor, spans, read[-1]


def element_at(operation: Operation, place: int, inputs: Sequence[Tensor]) -> int:
    """The word of an operation's output at a place. Raises Refused."""
    return operation.rule.evaluate(operation.parameters, [words for *_, words in operands_of(operation, place, inputs)])


def openings_of(operation: Operation, place: int, inputs: Sequence[Tensor]) -> Iterator[Opening]:
    """What the judge of this element needs, in its order. Raises Refused."""
    for tensor, spans, _ in operands_of(operation, place, inputs):
        yield from (open_span(tensor, *chunks_of(tensor.shape, span)) for span in spans)


def open_span(tensor: Tensor, first: int, last: int) -> Opening:
    """Chunks of a tensor from `first` up to, not including, `last`, with their path."""
    chunks = list(cut(tensor.shape, tensor.data))[first:last]
    return Opening(b"".join(chunks), prove(chunk_hashes(tensor.shape, tensor.data), first, last))


MOVES: Mapping[type[Move], Callable[[Holding, Dispute], Move | None]] = {
    moves.Contest: Holding.contest,
    moves.Join: Holding.join,
    moves.Probe: Holding.probe,
    moves.Choose: Holding.choose,
    moves.Open: Holding.open,
    moves.Point: Holding.point,
    moves.Demand: Holding.demand,
    moves.Reveal: Holding.reveal,
    moves.Answer: Holding.answer,
    moves.Prove: Holding.prove,
    moves.Accept: lambda holding, dispute: None,
}
