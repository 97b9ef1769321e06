"""Tensors of as many chunks as a program may have, of which all but a few are noughts: nobody needs to hold them."""

from assay.proof.court.judge import Opening, chunks_of
from assay.proof.court.tree import CHUNK_BYTES, hash_leaf, hash_pair, tensor_root


class Deep:
    """A tensor of chunks of one size, with these words in these spans."""

    def __init__(self, shape, spans, words):
        assert shape.row_chunks == 1 or shape.row_bytes % CHUNK_BYTES == 0
        self.shape, self.chunks, self.size, given = shape, {}, shape.chunk_bytes(0), iter(words)
        for span in spans:
            for column in range(span.first, span.last):
                (chunk, _), at = chunks_of(shape, span._replace(first=column, last=column + 1)), column * shape.width
                held = self.chunks.setdefault(chunk, bytearray(self.size))
                at %= self.size
                held[at : at + shape.width] = next(given).to_bytes(shape.width, "little")
        nought = hash_leaf(bytes(self.size))
        leaves = {shape.chunks - 1: nought, **{at: hash_leaf(bytes(data)) for at, data in self.chunks.items()}}
        self.levels = [(leaves, nought, shape.chunks)]
        while self.levels[-1][2] > 1:
            self.levels.append(above(*self.levels[-1]))
        self.root = tensor_root(shape, self.levels[-1][0][0])

    def opening(self, span):
        """The chunks in which the span lies, with their path."""
        first, last = chunks_of(self.shape, span)
        data = b"".join(self.chunks.get(at, bytes(self.size)) for at in range(first, last))
        path = []
        for nodes, nought, size in self.levels[:-1]:
            path += [nodes.get(first - 1, nought)] if first % 2 else []
            path += [nodes.get(last, nought)] if last % 2 and last < size else []
            first, last = first // 2, (last + 1) // 2
        return Opening(data, tuple(path))


def above(nodes, nought, size):
    """The level above: what differs from a tree of noughts, and the last node, which may be promoted."""
    made = {}
    for at in {each // 2 for each in nodes}:
        left = nodes.get(2 * at, nought)
        made[at] = hash_pair(left, nodes.get(2 * at + 1, nought)) if 2 * at + 1 < size else left
    return made, hash_pair(nought, nought), (size + 1) // 2
