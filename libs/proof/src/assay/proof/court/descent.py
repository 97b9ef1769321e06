"""The way down a tree of chunks: the worker shows the nodes below one of its own, sixteen at most, down to the leaves.

Every node is whole and held against the one above it, so nothing is said here that the worker's root does not bind: a
worker that shows other nodes than it rooted needs a second preimage of Keccak-256.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from assay.proof.court.tree import HASH_BYTES, climb, top_of
from assay.schema.errors import Refused

LEVELS: Final = 4


@dataclass(frozen=True, slots=True)
class Descent:
    """Nodes of a tree of `size` leaves: `hashes` stand at `level` above the leaves from place `first` on.

    Before any are shown there is but the top, whose hash nobody needs. `asked` is the node to show what is below of.
    """

    size: int
    level: int
    first: int = 0
    hashes: tuple[bytes, ...] = ()
    asked: int = 0

    @property
    def is_at_leaves(self) -> bool:
        """Whether there is nothing below: the leaves are shown, or the top is the one that there is."""
        return self.level == 0

    @property
    def below(self) -> tuple[int, int, int]:
        """The level that is shown next, and the places there from the first up to, not including, the last.

        A move goes down as few levels as cost no further one.
        """
        level = self.level - -(-self.level // -(-self.level // LEVELS))
        first = self.first + self.asked << self.level - level
        return level, first, min(first + (1 << self.level - level), width_at(self.size, level))

    def ask(self, index: int) -> "Descent":
        """The descent below one of the nodes that are shown. Raises Refused for one that is not."""
        if self.is_at_leaves or not 0 <= index < max(len(self.hashes), 1):
            raise Refused("court.malformed", f"There is nothing to be shown below node {index}.")
        return Descent(self.size, self.level, self.first, self.hashes, index)

    def show(self, hashes: Sequence[bytes], is_top: Callable[[bytes], bool]) -> "Descent":
        """The descent at these nodes; `is_top` tells the tree's top. Raises Refused if they do not lead to the node."""
        level, first, last = self.below
        if len(hashes) != last - first or any(len(hash_) != HASH_BYTES for hash_ in hashes):
            raise Refused("court.malformed", f"{last - first} hashes of {HASH_BYTES} bytes are asked for.")
        top = top_of(hashes)
        if top != self.hashes[self.asked] if self.hashes else not is_top(top):
            raise Refused("court.bad_opening", "These hashes do not lead to what was shown before.")
        return Descent(self.size, level, first, tuple(hashes))


def descend(size: int) -> Descent:
    """The descent before anything of a tree of so many leaves is shown."""
    return Descent(size, (size - 1).bit_length())


def width_at(size: int, level: int) -> int:
    """How many nodes a tree of `size` leaves has at a level above them."""
    return -(-size // (1 << level))


def nodes_of(leaves: Sequence[bytes], level: int) -> Sequence[bytes]:
    """The nodes at a level above these leaves."""
    for _ in range(level):
        leaves = climb(leaves)
    return leaves
