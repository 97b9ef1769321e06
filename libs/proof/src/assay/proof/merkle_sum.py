"""Merkle-sum trees over BLAKE3: every node carries the cost below it, so a leaf is proven with its part of the sum.

The leaves' costs lie side by side on a line from 0 to the total. A proof shows the leaf and the range of the line that
is its own, so that whoever holds the root alone can check which leaf a drawn point falls on. A node hashes the two
sums below it one by one: under the hash of their total alone, cost could be moved from one side to the other unseen
(Chalkias, Chatzigiannis and Ji 2022). Tags and promotion of an odd node are those of `merkle`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from blake3 import blake3

from assay.proof.merkle import LEAF, NODE, ROOT
from assay.schema.errors import Reject
from assay.schema.values import Digest

SUM_BYTES: Final = 8
SUM_END: Final = 2 ** (8 * SUM_BYTES)

Leaf: TypeAlias = tuple[bytes, int]


class SumRoot(NamedTuple):
    """The 64 hex digits that stand for leaves, their costs, order and number; and what they cost together."""

    root: Digest
    total: int


class Node(NamedTuple):
    """A hash, and the cost of all leaves below it."""

    hash: bytes
    cost: int


@dataclass(frozen=True, slots=True)
class SumInclusion:
    """The way from leaf `index` of `size` leaves up to the root: on each level that has one, the sibling."""

    index: int
    size: int
    path: tuple[Node, ...]

    @property
    def start(self) -> int:
        """Where the leaf's range begins on the line: after all that lies to its left."""
        return sum(
            sibling.cost for sibling, is_left in zip(self.path, sides(self.index, self.size), strict=True) if is_left
        )


def root(leaves: Sequence[Leaf]) -> SumRoot:
    """The root over leaves and their costs, in this order. Raises Reject if a cost or the total is no uint64."""
    check_costs(leaves)
    top = list(levels(leaves))[-1][0] if leaves else Node(b"", 0)
    return crown(len(leaves), top)


def prove(leaves: Sequence[Leaf], index: int) -> SumInclusion:
    """The inclusion of leaf `index`. Raises IndexError if there is no such leaf, Reject as `root` does."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"no leaf {index} among {len(leaves)}")
    check_costs(leaves)
    path, place = [], index
    for level in levels(leaves):
        if (sibling := place ^ 1) < len(level):
            path.append(level[sibling])
        place //= 2
    return SumInclusion(index, len(leaves), tuple(path))


def verify(sum_root: SumRoot, leaf: bytes, cost: int, inclusion: SumInclusion) -> bool:
    """Whether `leaf` of that `cost` stands at that very place; then its range is start to start + cost."""
    index, size, path = inclusion.index, inclusion.size, inclusion.path
    costs = [cost, sum_root.total, *(sibling.cost for sibling in path)]
    if not 0 <= index < size < SUM_END or not all(0 <= each < SUM_END for each in costs):
        return False
    turns = list(sides(index, size))
    if len(turns) != len(path):
        return False
    node = tagged(leaf, cost)
    for sibling, is_left in zip(path, turns, strict=True):
        if node.cost + sibling.cost >= SUM_END:
            return False
        node = join(sibling, node) if is_left else join(node, sibling)
    return crown(size, node) == sum_root


def sides(index: int, size: int) -> Iterator[bool]:
    """For each sibling on the way up, whether it stands to the left."""
    while size > 1:
        if index ^ 1 < size:
            yield bool(index & 1)
        index, size = index // 2, (size + 1) // 2


def levels(leaves: Sequence[Leaf]) -> Iterator[list[Node]]:
    """The nodes of the tree level by level, from the leaves to the one on top."""
    level = [tagged(leaf, cost) for leaf, cost in leaves]
    yield level
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        level = [join(left, right) for left, right in zip(level[::2], level[1::2], strict=False)] + odd
        yield level


def check_costs(leaves: Sequence[Leaf]) -> None:
    """Nothing, if each cost and their total fit in 64 bits. Raises Reject."""
    if any(not 0 <= cost < SUM_END for _, cost in leaves) or sum(cost for _, cost in leaves) >= SUM_END:
        raise Reject("A cost or the sum of all is not below 2**64.")


def tagged(leaf: bytes, cost: int) -> Node:
    """The node of one leaf."""
    return Node(blake3(LEAF + word(cost) + leaf).digest(), cost)


def join(left: Node, right: Node) -> Node:
    """The node over two."""
    inside = word(left.cost) + left.hash + word(right.cost) + right.hash
    return Node(blake3(NODE + inside).digest(), left.cost + right.cost)


def crown(size: int, top: Node) -> SumRoot:
    """The root of a tree: its top and its total, bound to the number of its leaves."""
    return SumRoot(blake3(ROOT + word(size) + word(top.cost) + top.hash).hexdigest(), top.cost)


def word(value: int) -> bytes:
    """A number as 8 bytes, big-endian."""
    return value.to_bytes(SUM_BYTES, "big")
