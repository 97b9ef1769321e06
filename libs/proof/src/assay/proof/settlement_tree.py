"""The sum tree of all accounts, as the Payment contract hashes it, and the plain tree of an epoch's steps.

A node is a hash with two sums, what was credited and what was debited below it, and hashes both children with their
sums. The tree has one leaf for each of 2**32 indices; what is empty has hash and sums of zero, so an absent account is
proven like any other and an index has one place only. Keccak-256 throughout, because the EVM checks it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, Self

from assay.proof.keccak import keccak256
from assay.schema.errors import Reject

DEPTH: Final = 32
SUM_END: Final = 2**128
ZERO: Final = bytes(32)
# Above the last account all is empty on the right: most of the 32 levels, and half of what an epoch costs to build. Who
# checks an epoch lifts the same nodes as who built it, one for each step; so many are kept as the largest has.
LIFTS_KEPT: Final = 2**14


class Node(NamedTuple):
    """A hash, and what all accounts below it were credited and debited."""

    hash: bytes
    credits: int
    debits: int


EMPTY: Final = Node(ZERO, 0, 0)


@dataclass(frozen=True, slots=True)
class Branch:
    """The siblings of a leaf from the bottom up; bit i of `mask` says that the one on level i is not empty."""

    mask: int
    siblings: tuple[Node, ...]


class SumTree:
    """A tree that changes leaf by leaf; what is empty takes no room, nor does what stands above the last leaf alone."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: list[dict[int, Node]] = [{}]

    @classmethod
    def of(cls, leaves: Mapping[int, Node]) -> Self:
        """The tree of these leaves, each node of it made once. Raises Reject if the sums overflow."""
        tree = cls()
        tree.put(leaves)
        return tree

    @property
    def root(self) -> Node:
        """What stands for all accounts."""
        return lift(self._top, DEPTH - len(self._levels) + 1)

    @property
    def _top(self) -> Node:
        return self._levels[-1].get(0, EMPTY)

    def put(self, leaves: Mapping[int, Node]) -> None:
        """Nothing; these leaves stand at their places from now on, and each node above them was made once.

        Raises Reject if the sums overflow.
        """
        for _ in range(len(self._levels), max(leaves, default=0).bit_length() + 1):
            self._levels.append({0: lift(self._top, 1)})
        changed = leaves
        for level in self._levels[:-1]:
            level.update(changed)
            changed = {
                index: join(level.get(2 * index, EMPTY), level.get(2 * index + 1, EMPTY))
                for index in {index >> 1 for index in changed}
            }
        self._levels[-1].update(changed)

    def branch(self, index: int) -> Branch:
        """The way from a leaf, present or not, up to the root."""
        mask, siblings, height = 0, [], len(self._levels) - 1
        for depth in range(max(height, index.bit_length())):
            level = self._levels[depth] if depth <= height else {0: lift(self._top, depth - height)}
            node = level.get((index >> depth) ^ 1, EMPTY)
            if node != EMPTY:
                mask |= 1 << depth
                siblings.append(node)
        return Branch(mask, tuple(siblings))

    def copy(self) -> Self:
        """A tree of the same leaves that changes by itself."""
        other = type(self)()
        other._levels = [dict(level) for level in self._levels]
        return other


def climb(node: Node, index: int, branch: Branch) -> Node:
    """The root above leaf `index`. Raises Reject if the branch is none, or the sums overflow."""
    height = height_of(index, branch)
    return lift(crest(node, index, branch, height), DEPTH - height)


def height_of(index: int, branch: Branch) -> int:
    """The level from which on all is empty beside the way from a leaf up. Raises Reject if the branch is none."""
    if not 0 <= index < 2**DEPTH or branch.mask >> DEPTH or branch.mask.bit_count() != len(branch.siblings):
        raise Reject("A branch has one sibling for each bit of its mask, within 32 levels.")
    return max(index.bit_length(), branch.mask.bit_length())


def crest(node: Node, index: int, branch: Branch, height: int) -> Node:
    """The node on that level above leaf `index`. Raises Reject if the sums overflow."""
    siblings = iter(branch.siblings)
    for depth in range(height):
        sibling = next(siblings) if branch.mask >> depth & 1 else EMPTY
        node = join(sibling, node) if index >> depth & 1 else join(node, sibling)
    return node


@lru_cache(maxsize=LIFTS_KEPT)
def lift(node: Node, levels: int) -> Node:
    """The node so many levels above one that has nothing beside it on the way. Raises Reject if its sums overflow."""
    if node == EMPTY:
        return EMPTY
    if max(node.credits, node.debits) >= SUM_END:
        raise Reject("The sums of a tree are below 2**128.")
    hash_, beside = node.hash, packed(node)[len(ZERO) :] + packed(EMPTY)
    for _ in range(levels):
        hash_ = keccak256(hash_ + beside)
    return Node(hash_, node.credits, node.debits)


def join(left: Node, right: Node) -> Node:
    """The node over two; over two empty ones it is empty. Raises Reject if the sums overflow."""
    if left == EMPTY and right == EMPTY:
        return EMPTY
    credits, debits = left.credits + right.credits, left.debits + right.debits
    if credits >= SUM_END or debits >= SUM_END:
        raise Reject("The sums of a tree are below 2**128.")
    return Node(keccak256(packed(left) + packed(right)), credits, debits)


def packed(node: Node) -> bytes:
    """A node as its parent hashes it."""
    return node.hash + node.credits.to_bytes(16, "big") + node.debits.to_bytes(16, "big")


def plain_levels(leaves: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The hashes of the plain tree, whose last level is filled up with zeros to a power of two."""
    width = 1 << max(len(leaves) - 1, 0).bit_length()
    level = [*leaves, *[ZERO] * (width - len(leaves))]
    yield level
    while len(level) > 1:
        level = [keccak256(level[at] + level[at + 1]) for at in range(0, len(level), 2)]
        yield level


def plain_root(leaves: Sequence[bytes]) -> bytes:
    """The root of the plain tree."""
    return list(plain_levels(leaves))[-1][0]


def plain_path(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The siblings of a leaf of the plain tree. Raises IndexError if it is none."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"no step {index} among {len(leaves)}")
    return plain_path_in(list(plain_levels(leaves)), index)


def plain_path_in(levels: Sequence[Sequence[bytes]], index: int) -> tuple[bytes, ...]:
    """The siblings of a leaf in the levels of a plain tree."""
    return tuple(level[(index >> depth) ^ 1] for depth, level in enumerate(levels) if len(level) > 1)


def plain_climb(leaf: bytes, index: int, path: Sequence[bytes]) -> bytes:
    """The root above a leaf of the plain tree."""
    for sibling in path:
        leaf = keccak256(sibling + leaf) if index & 1 else keccak256(leaf + sibling)
        index >>= 1
    return leaf
