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
# Who proves a step joins 64 nodes, and who checks the proof at once joins the same ones: so many are kept as a few
# steps have. More would be slower, since they fit no processor's cache.
JOINS_KEPT: Final = 2**9


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
    """A tree that changes leaf by leaf; what is empty takes no room."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: list[dict[int, Node]] = [{} for _ in range(DEPTH + 1)]

    @classmethod
    def of(cls, leaves: Mapping[int, Node]) -> Self:
        """The tree of these leaves, each node of it made once. Raises Reject if the sums overflow."""
        tree = cls()
        tree.put(leaves)
        return tree

    @property
    def root(self) -> Node:
        """What stands for all accounts."""
        return self._levels[DEPTH].get(0, EMPTY)

    def put(self, leaves: Mapping[int, Node]) -> None:
        """Nothing; these leaves stand at their places from now on, and each node above them was made once.

        Raises Reject if the sums overflow.
        """
        changed = leaves
        for level in self._levels[:DEPTH]:
            level.update(changed)
            changed = {
                index: join(level.get(2 * index, EMPTY), level.get(2 * index + 1, EMPTY))
                for index in {index >> 1 for index in changed}
            }
        self._levels[DEPTH].update(changed)

    def branch(self, index: int) -> Branch:
        """The way from a leaf, present or not, up to the root."""
        mask, siblings = 0, []
        for depth, level in enumerate(self._levels[:DEPTH]):
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
    if not 0 <= index < 2**DEPTH or branch.mask >> DEPTH or branch.mask.bit_count() != len(branch.siblings):
        raise Reject("A branch has one sibling for each bit of its mask, within 32 levels.")
    siblings = iter(branch.siblings)
    for depth in range(DEPTH):
        sibling = next(siblings) if branch.mask >> depth & 1 else EMPTY
        node = join(sibling, node) if index >> depth & 1 else join(node, sibling)
    return node


@lru_cache(maxsize=JOINS_KEPT)
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
