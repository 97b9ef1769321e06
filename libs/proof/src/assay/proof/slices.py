"""A slice of a blob, opened against the blob's digest alone: nobody has to fetch the whole to be sure of a part.

BLAKE3 is a Merkle tree over chunks of 1 KiB already, so the digest that is signed binds each of them to its place. The
proof is Bao's encoding of the tree, cut to what is asked for: the size of the whole in 8 bytes, little-endian, then,
from the root down and left before right, the chaining values of the two children of each node over an opened chunk, and
the opened chunks themselves. The last chunk is always opened as well: it alone proves the size.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from blake3 import blake3

from assay.proof.lanes import BLOCK_BYTES, CHUNK_BYTES, PARENT, ROOT, VALUE_BYTES, chunk_values, parent_values
from assay.schema.errors import Refused
from assay.schema.values import Digest

PART_BYTES: Final = 2**19
"""As long as a part on the wire (`assay.bus.parts`): a part is a subtree, so its value is made of it alone."""
PART_CHUNKS: Final = PART_BYTES // CHUNK_BYTES
SIZE_BYTES: Final = 8
TOTAL_MAX: Final = 2**42
"""The number of a chunk fits a word."""

Node = tuple[int, int]
"""The chunks that a node stands over: the first, and the one after the last."""


class Slice(NamedTuple):
    """What stands at a place of a blob of `total` bytes."""

    total: int
    data: bytes


def check_range(total: int, start: int, length: int) -> None:
    """Raises Refused, slice.range, unless such a slice, of a byte at least, lies inside of a blob of that size."""
    numbers = all(type(number) is int for number in (total, start, length))
    if not numbers or not (start >= 0 < length and start + length <= total <= TOTAL_MAX):
        raise Refused("slice.range", f"{str(length)[:20]} bytes at {str(start)[:20]} of {str(total)[:20]}.")


def part_value(part: bytes, index: int) -> bytes:
    """The chaining value of a part of a blob that has several, by its number."""
    return _part_tree(part, index)[_part_node(part, index)]


def parts_shown(total: int, start: int, length: int) -> list[int]:
    """The numbers of the parts that `prove` needs. Raises Refused, slice.range."""
    check_range(total, start, length)
    shown = range(start // PART_BYTES, (start + length - 1) // PART_BYTES + 1)
    return sorted({*shown, (total - 1) // PART_BYTES})


def prove(total: int, start: int, length: int, values: Sequence[bytes], parts: Mapping[int, bytes]) -> bytes:
    """The proof of a slice: of the values of all parts of the blob, and the bytes of `parts_shown`.

    Raises Refused, slice.range.
    """
    check_range(total, start, length)
    last = -(-total // CHUNK_BYTES)
    nodes = [(at * PART_CHUNKS, min((at + 1) * PART_CHUNKS, last)) for at in range(len(values))]
    known = _tree(zip(nodes, values, strict=True))
    for index, part in parts.items():
        known |= _part_tree(part, index)
    proof = [total.to_bytes(SIZE_BYTES, "little")]
    for node in _opened(last, start, length):
        if halves := _halves(node):
            proof += [known[half] for half in halves]
        else:
            index, at = divmod(node[0] * CHUNK_BYTES, PART_BYTES)
            proof.append(parts[index][at : at + CHUNK_BYTES])
    return b"".join(proof)


def open_slice(digest: Digest, start: int, length: int, proof: bytes) -> Slice:
    """The slice that a proof shows of the blob of this digest, at that very place.

    Raises Refused: slice.range where the proof says that nothing lies there, slice.unproven if it proves nothing.
    """
    total = int.from_bytes(proof[:SIZE_BYTES], "little")
    check_range(total, start, length)
    at, chunks = SIZE_BYTES, dict[int, bytes]()
    due: dict[Node, bytes] = {(0, -(-total // CHUNK_BYTES)): bytes.fromhex(digest)}
    parents, said = [], []
    for node in _opened(-(-total // CHUNK_BYTES), start, length):
        halves = _halves(node)
        size = BLOCK_BYTES if halves else min(CHUNK_BYTES, total - node[0] * CHUNK_BYTES)
        piece, at = proof[at : at + size], at + size
        if len(piece) < size:
            raise Refused("slice.unproven", "The proof ends too early.")
        if halves:
            parents.append((piece, due[node]))
            due |= {halves[0]: piece[:VALUE_BYTES], halves[1]: piece[VALUE_BYTES:]}
        else:
            chunks[node[0]] = piece
            said.append(due[node])
    if at != len(proof) or not _holds(parents, chunks, said):
        raise Refused("slice.unproven", f"At {start} of {digest}.")
    first = start // CHUNK_BYTES
    shown = b"".join(chunk for number, chunk in chunks.items() if first <= number < -(-(start + length) // CHUNK_BYTES))
    return Slice(total, shown[start - first * CHUNK_BYTES :][:length])


def _holds(parents: list[tuple[bytes, bytes]], chunks: Mapping[int, bytes], said: list[bytes]) -> bool:
    """Whether each parent and chunk has the value that the one above says of it, and the top the digest."""
    if not parents:
        return [blake3(chunk).digest() for chunk in chunks.values()] == said
    (top, digest), *rest = parents
    return (
        parent_values(top, PARENT | ROOT) == digest
        and parent_values(b"".join(pair for pair, _ in rest)) == b"".join(value for _, value in rest)
        and chunk_values(b"".join(chunks.values()), list(chunks)) == b"".join(said)
    )


def _opened(chunks: int, start: int, length: int) -> Iterator[Node]:
    """The nodes that stand over the slice or the last chunk, from the root down, left before right."""
    first, end = start // CHUNK_BYTES, -(-(start + length) // CHUNK_BYTES)
    waiting = [(0, chunks)]
    while waiting:
        node = waiting.pop()
        if node[1] == chunks or (node[0] < end and first < node[1]):
            yield node
            waiting += reversed(_halves(node))


def _halves(node: Node) -> tuple[Node, ...]:
    """The two nodes below one; none below a chunk. The left one is the largest full tree that leaves something."""
    first, end = node
    if end - first == 1:
        return ()
    middle = first + (1 << (end - first - 1).bit_length() - 1)
    return (first, middle), (middle, end)


def _part_node(part: bytes, index: int) -> Node:
    return index * PART_CHUNKS, index * PART_CHUNKS - (-len(part) // CHUNK_BYTES)


def _part_tree(part: bytes, index: int) -> dict[Node, bytes]:
    numbers = range(*_part_node(part, index))
    values = chunk_values(part, numbers)
    leaves = [values[at : at + VALUE_BYTES] for at in range(0, len(values), VALUE_BYTES)]
    return _tree(zip(((number, number + 1) for number in numbers), leaves, strict=True))


def _tree(leaves: Iterable[tuple[Node, bytes]]) -> dict[Node, bytes]:
    """The values of all nodes over these neighbours; one that is left over on a level stands on the next as it is."""
    level = list(leaves)
    known = dict(level)
    while len(level) > 1:
        pairs = list(zip(level[::2], level[1::2], strict=False))
        values = parent_values(b"".join(left[1] + right[1] for left, right in pairs))
        odd = level[-1:] if len(level) % 2 else []
        level = [
            ((left[0][0], right[0][1]), values[at * VALUE_BYTES :][:VALUE_BYTES])
            for at, (left, right) in enumerate(pairs)
        ] + odd
        known |= dict(level)
    return known
