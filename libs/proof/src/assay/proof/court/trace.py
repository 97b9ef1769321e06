"""The trace of a step: a list that grows by one output's root for each operator, known by its peaks alone.

A prefix's root is what the parties compare. To append to a prefix one needs its peaks, a few hashes, and they are bound
to its root: so whoever claims the next root must have kept everything before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Self

from assay.proof.court.tree import HASH_BYTES, NOTHING, hash_leaf, hash_pair, is_root, list_root
from assay.schema.errors import Refused


@dataclass(frozen=True, slots=True)
class Trace:
    """A list of `size` entries by the tops of its complete subtrees, the largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    @property
    def root(self) -> bytes:
        """The root of the list: that of `tree.root_of_list`."""
        return list_root(self.size, bag(self.peaks))

    def append(self, entry: bytes) -> Self:
        """The trace with one more entry."""
        peaks, node, size = list(self.peaks), hash_leaf(entry), self.size
        while size % 2:
            node, size = hash_pair(peaks.pop(), node), size // 2
        return type(self)(self.size + 1, (*peaks, node))


EMPTY = Trace()


def bag(peaks: Sequence[bytes]) -> bytes:
    """The top over the peaks, joined from the smallest up."""
    return reduce(lambda right, left: hash_pair(left, right), reversed(peaks)) if peaks else NOTHING


def prefixes(entries: Sequence[bytes]) -> list[Trace]:
    """The traces before the first entry, after it, after the second and so on."""
    found = [EMPTY]
    for entry in entries:
        found.append(found[-1].append(entry))
    return found


def reopen(root: bytes, size: int, peaks: tuple[bytes, ...]) -> Trace:
    """The trace with this root, by the peaks that somebody says it has. Raises Refused if they are not its own."""
    if len(peaks) != size.bit_count() or any(len(peak) != HASH_BYTES for peak in peaks):
        raise Refused("court.bad_opening", f"A trace of {size} has {size.bit_count()} peaks of 32 bytes.")
    trace = Trace(size, peaks)
    if not is_root(trace.root, root):
        raise Refused("court.bad_opening", "The peaks are not those of the agreed trace.")
    return trace
