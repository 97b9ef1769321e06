"""Examples side by side in sequences of one length, none of which sees another.

Packed first-fit in the order of the data, among few sequences that are still open: what an example is put with follows
from the data alone. Each token keeps its place in its own example, attends to no other example, and the first token of
one is never what the last of another should have said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

OPEN_MAX: Final = 64
"""Sequences that may still be filled; the fullest of more would hardly take another example."""
PADDING: Final = -1


@dataclass(frozen=True)
class Example:
    """The tokens of one example, and which of them are learned: said by the model, not to it."""

    tokens: NDArray[np.int64]
    learned: NDArray[np.bool_]

    def cut(self, length: int) -> Self:
        """The example without what goes over a length."""
        return type(self)(self.tokens[:length], self.learned[:length])


@dataclass(frozen=True)
class Packed:
    """Sequences [N, L + 1] of tokens, the number of the example that each is of (PADDING: none), what is learned."""

    tokens: NDArray[np.int64]
    examples: NDArray[np.int64]
    learned: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, picks: Any) -> Self:
        return type(self)(self.tokens[picks], self.examples[picks], self.learned[picks])

    @property
    def targets(self) -> int:
        """How many tokens are learned; the first of a sequence has nothing before it."""
        return int(self.learned[:, 1:].sum())

    @property
    def places(self) -> NDArray[np.int64]:
        """The place of each token in its own example."""
        length = self.tokens.shape[1]
        begins = np.diff(self.examples, axis=1, prepend=self.examples[:, :1] - 1) != 0
        first = np.maximum.accumulate(np.where(begins, np.arange(length), 0), axis=1)
        places: NDArray[np.int64] = np.arange(length) - first
        return places


def pack(examples: Sequence[Example], length: int, together: bool) -> Packed:
    """Return the examples in sequences of `length` tokens, several in one if they may lie together."""
    bins: list[list[Example]] = []
    left: dict[int, int] = {}
    for example in examples:
        size = len(example.tokens)
        number = next((number for number, room in left.items() if together and room >= size), len(bins))
        if number == len(bins):
            bins.append([])
        bins[number].append(example)
        left[number] = left.get(number, length) - size
        if left[number] == 0 or len(left) > OPEN_MAX:
            left.pop(min(left, key=left.__getitem__))
    return lay(bins, length)


def lay(bins: Sequence[Sequence[Example]], length: int) -> Packed:
    """Return sequences that hold these examples one after the other, the rest padding of which nothing is learned."""
    shape = (len(bins), length)
    packed = Packed(np.zeros(shape, np.int64), np.full(shape, PADDING), np.zeros(shape, np.bool_))
    for row, members in enumerate(bins):
        at = 0
        for number, example in enumerate(members):
            part = slice(at, at := at + len(example.tokens))
            packed.tokens[row, part], packed.learned[row, part] = example.tokens, example.learned
            packed.examples[row, part], packed.learned[row, part.start] = number, False
    return packed
