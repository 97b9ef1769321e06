"""Codes for pseudo-gradients: blocks of values as a scale and few bits each. Pure, and the same bits everywhere.

`int8` and `int4` round to steps of the largest value; `int2` keeps sign and one of two sizes in units of the mean size
(the levels lie between those that Lloyd and Max give for normal and for Laplace values); `topk` keeps the largest
values of a block as `int8`. A value is at most VALUE_MAX: no honest weight moves as far in a round.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assay.workloads.diloco.sums import tree_sum

BLOCK: Final = 512
VALUE_MAX: Final = 1e4
SCALE_MIN: Final = np.float32(2.0**-100)
"""A block of smaller values is zero: their scale would be rounded too much to be read back."""
SMALL, LARGE, BORDER = np.float32(0.58), np.float32(2.2), np.float32(1.4)

Floats = NDArray[np.float32]
Ints = NDArray[Any]


@dataclass(frozen=True)
class Blocks:
    """Coded blocks: the scale of each, and a row of integers of it; `places` say which values these are, if not all."""

    scales: Floats
    codes: Ints
    places: Ints | None = None


@dataclass(frozen=True)
class Coding:
    """One code: how blocks are made, what they mean, how wide an integer is in bits, and which of them are allowed."""

    bits: int
    encode: Callable[[Floats, int], Blocks]
    decode: Callable[[Blocks], Floats]
    is_regular: Callable[[Blocks], bool]
    is_sparse: bool = False


def scale_of(sizes: Floats, steps: int) -> Floats:
    """Return the step of each block so that its largest value is `steps` of them; 0 for a block of nothing."""
    scales = sizes / np.float32(steps)
    return np.where(scales < SCALE_MIN, np.float32(0), scales)


def round_to(rows: Floats, scales: Floats, steps: int) -> Ints:
    """Return the values in steps of their block's scale."""
    divisors = np.where(scales == 0, np.float32(1), scales)[:, None]
    codes = np.clip(np.rint(rows / divisors), -steps, steps)
    return np.where(scales[:, None] == 0, 0, codes).astype(np.int8)


def encode_steps(steps: int) -> Callable[[Floats, int], Blocks]:
    """Return the encoder to so many steps each way."""

    def encode(rows: Floats, keep: int) -> Blocks:
        scales = scale_of(np.abs(rows).max(axis=1), steps)
        return Blocks(scales, round_to(rows, scales, steps))

    return encode


def decode_steps(blocks: Blocks) -> Floats:
    """Return the values of stepped blocks."""
    values: Floats = blocks.codes.astype(np.float32) * blocks.scales[:, None]
    return values


def is_stepped(steps: int) -> Callable[[Blocks], bool]:
    """Return the check that each block uses its whole range, or is zero: so that it is written in one way only."""

    def check(blocks: Blocks) -> bool:
        largest = np.abs(blocks.codes.astype(np.int16)).max(axis=1, initial=0)
        return bool((largest == np.where(blocks.scales == 0, 0, steps)).all())

    return check


def encode_signs(rows: Floats, keep: int) -> Blocks:
    """Return sign and size: codes 0, 1 are small and large, 2, 3 the same below zero."""
    sizes = np.abs(rows)
    means = tree_sum(sizes) / np.float32(rows.shape[1])
    scales = np.where(means < SCALE_MIN, np.float32(0), means)
    codes = (rows < 0) * 2 + (sizes > BORDER * scales[:, None])
    return Blocks(scales, np.where(scales[:, None] == 0, 0, codes).astype(np.uint8))


def decode_signs(blocks: Blocks) -> Floats:
    """Return the values of signs and sizes."""
    levels = np.array([SMALL, LARGE, -SMALL, -LARGE], np.float32)
    values: Floats = levels[blocks.codes] * blocks.scales[:, None]
    return values


def are_signs(blocks: Blocks) -> bool:
    """Whether a block of nothing says nothing."""
    return not blocks.codes[blocks.scales == 0].any()


def encode_largest(rows: Floats, keep: int) -> Blocks:
    """Return the `keep` largest values of each block, of equal ones the first; what rounds to zero comes last."""
    places = np.argsort(-np.abs(rows), axis=1, kind="stable")[:, :keep]
    dense = encode_steps(127)(np.take_along_axis(rows, places, axis=1), keep)
    order = np.argsort(np.where(dense.codes == 0, BLOCK, places), axis=1, kind="stable")
    codes, places = np.take_along_axis(dense.codes, order, axis=1), np.take_along_axis(places, order, axis=1)
    return Blocks(dense.scales, codes, np.where(codes == 0, 0, places).astype("<u2"))


def decode_largest(blocks: Blocks) -> Floats:
    """Return the values that were kept, and zeros."""
    assert blocks.places is not None
    rows = np.zeros((len(blocks.scales), BLOCK + 1), np.float32)
    places = np.where(blocks.codes == 0, BLOCK, blocks.places.astype(np.int64))
    np.put_along_axis(rows, places, decode_steps(blocks), axis=1)
    return rows[:, :BLOCK]


def are_largest(blocks: Blocks) -> bool:
    """Whether the places rise within each block, and what is zero comes last and has no place."""
    assert blocks.places is not None
    is_some, places = blocks.codes != 0, blocks.places.astype(np.int64)
    rises = (np.diff(places, axis=1) > 0) | ~is_some[:, 1:]
    is_last = ~is_some[:, 1:] | is_some[:, :-1]
    return bool(rises.all() and is_last.all() and not places[~is_some].any()) and is_stepped(127)(blocks)


CODINGS: Final[Mapping[str, Coding]] = {
    "int8": Coding(8, encode_steps(127), decode_steps, is_stepped(127)),
    "int4": Coding(4, encode_steps(7), decode_steps, is_stepped(7)),
    "int2": Coding(2, encode_signs, decode_signs, are_signs),
    "topk": Coding(8, encode_largest, decode_largest, are_largest, is_sparse=True),
}
