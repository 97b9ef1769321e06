"""Merkle trees over Keccak-256, as the court and the contract read them: of tensors and of lists.

A tensor is cut row by row into chunks, so that a leaf never spans two rows; its root is bound to its shape, so that an
index means the same to everyone. Leaves are tagged, nodes are the plain hash of two, and an odd node is promoted: the
tree of a longer list extends that of a shorter one, and its peaks suffice to append to it (RFC 6962).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from assay.proof.keccak import keccak256
from assay.schema.errors import Refused

CHUNK_BYTES: Final = 512
HASH_BYTES: Final = 32
TOLD_BYTES: Final = 20
"""What the search tells of a root: 160 bits, of which two alike take 2^80 hashes to find."""
LEAF, TENSOR, LIST = b"\0", b"\2", b"\3"
NOTHING: Final = bytes(HASH_BYTES)
SIDE_MAX: Final = 2**31


@dataclass(frozen=True, slots=True)
class Shape:
    """Rows and columns of a tensor whose elements have `width` bytes, 4 or 8."""

    rows: int
    columns: int
    width: int = 4

    @property
    def chunk_elements(self) -> int:
        """How many elements a whole chunk holds."""
        return CHUNK_BYTES // self.width

    @property
    def row_chunks(self) -> int:
        """How many chunks one row is cut into."""
        return -(-self.columns // self.chunk_elements)

    @property
    def chunks(self) -> int:
        """How many leaves the tensor's tree has."""
        return self.rows * self.row_chunks

    @property
    def row_bytes(self) -> int:
        """The size of one row."""
        return self.columns * self.width

    def chunk_bytes(self, chunk: int) -> int:
        """The size of one chunk; a row's last one may be short."""
        return min(CHUNK_BYTES, self.row_bytes - chunk % self.row_chunks * CHUNK_BYTES)

    def is_sound(self) -> bool:
        """Whether such a tensor can be."""
        return 0 < self.rows < SIDE_MAX and 0 < self.columns < SIDE_MAX and self.width in (4, 8)


def hash_leaf(data: bytes) -> bytes:
    """The leaf over a chunk, or over a list's entry."""
    return keccak256(LEAF + data)


def hash_pair(left: bytes, right: bytes) -> bytes:
    """The node over two hashes."""
    return keccak256(left + right)


def tensor_root(shape: Shape, top: bytes) -> bytes:
    """The root of a tensor's tree: its top bound to its shape."""
    head = shape.rows.to_bytes(4, "big") + shape.columns.to_bytes(4, "big") + shape.width.to_bytes(1, "big")
    return keccak256(TENSOR + head + top)


def list_root(size: int, top: bytes) -> bytes:
    """The root of a list's tree: its top bound to how many entries there are."""
    return keccak256(LIST + size.to_bytes(8, "big") + top)


def told(root: bytes) -> bytes:
    """What the search tells of a root."""
    return root[:TOLD_BYTES]


def is_root(found: bytes, known: bytes) -> bool:
    """Whether this is the root that is known whole, or as the search told it."""
    return known in (found, told(found))


def root_of_tensor(shape: Shape, data: bytes) -> bytes:
    """The root over a tensor's row-major little-endian bytes. Raises Refused for another size."""
    return tensor_root(shape, top_of(chunk_hashes(shape, data)))


def root_of_list(entries: Sequence[bytes]) -> bytes:
    """The root over a list's entries, 32 bytes each; an empty list has one as well."""
    return list_root(len(entries), top_of([hash_leaf(entry) for entry in entries]))


def chunk_hashes(shape: Shape, data: bytes) -> list[bytes]:
    """The leaves of a tensor in order. Raises Refused for data of another size."""
    if not shape.is_sound() or len(data) != shape.rows * shape.row_bytes:
        raise Refused("court.malformed", f"{len(data)} bytes are no tensor of {shape}.")
    return [hash_leaf(chunk) for chunk in cut(shape, data)]


def cut(shape: Shape, data: bytes) -> Iterator[bytes]:
    """The chunks of a tensor, or of a part of one row of it, in order."""
    for row in range(0, len(data), shape.row_bytes):
        end = min(row + shape.row_bytes, len(data))
        for start in range(row, end, CHUNK_BYTES):
            yield data[start : min(start + CHUNK_BYTES, end)]


def climb(hashes: Sequence[bytes]) -> list[bytes]:
    """The level above: nodes over pairs, an odd last one promoted."""
    odd = list(hashes[-1:]) if len(hashes) % 2 else []
    return [hash_pair(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=False)] + odd


def top_of(hashes: Sequence[bytes]) -> bytes:
    """The hash on top of these leaves."""
    level = list(hashes)
    while len(level) > 1:
        level = climb(level)
    return level[0] if level else NOTHING


def prove(hashes: Sequence[bytes], first: int, last: int) -> tuple[bytes, ...]:
    """The siblings that lead from leaves `first` up to, not including, `last` to the top."""
    level, path = list(hashes), []
    while len(level) > 1:
        path += [level[first - 1]] if first % 2 else []
        path += [level[last]] if last % 2 and last < len(level) else []
        level, first, last = climb(level), first // 2, (last + 1) // 2
    return tuple(path)


def fold(hashes: Sequence[bytes], first: int, size: int, path: Iterable[bytes]) -> bytes:
    """The top of `size` leaves that these, from place `first` on, and their path lead to. Raises Refused."""
    siblings, level, last = iter(path), list(hashes), first + len(hashes)
    if not 0 <= first < last <= size:
        raise Refused("court.bad_opening", f"No leaves {first} to {last} stand among {size}.")
    while size > 1:
        head = [_next(siblings)] if first % 2 else []
        end = [_next(siblings)] if last % 2 and last < size else []
        level = climb(head + level + end)
        first, last, size = first // 2, (last + 1) // 2, (size + 1) // 2
    if next(siblings, None) is not None:
        raise Refused("court.bad_opening", "The path is longer than the tree is high.")
    return level[0]


def _next(siblings: Iterator[bytes]) -> bytes:
    sibling = next(siblings, None)
    if sibling is None or len(sibling) != HASH_BYTES:
        raise Refused("court.bad_opening", "The path lacks a hash, or one of them has not 32 bytes.")
    return sibling


def check_entry(root: bytes, entry: bytes, index: int, size: int, path: Sequence[bytes]) -> None:
    """Nothing, if `entry` stands at that place of the list of that size under the root. Raises Refused."""
    if not is_root(list_root(size, fold([hash_leaf(entry)], index, size, path)), root):
        raise Refused("court.bad_opening", f"Entry {index} of {size} does not lead to the root.")


def check_rows(shape: Shape, root: bytes, data: bytes, first: int, path: Sequence[bytes]) -> None:
    """Nothing, if `data` is the tensor's chunks from `first` on, cut as its rows are. Raises Refused."""
    if tensor_root(shape, fold([hash_leaf(chunk) for chunk in cut(shape, data)], first, shape.chunks, path)) != root:
        raise Refused("court.bad_opening", f"The chunks from {first} on do not lead to the root.")
