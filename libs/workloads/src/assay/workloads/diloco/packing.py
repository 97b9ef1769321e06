"""A pseudo-gradient as bytes: one way to write each, and a reader that trusts nobody.

A head of 16 bytes (magic, code, values kept of a block, count of values), the blocks' scales, the places of `topk`, the
codes. What the last block lacks are zeros. The reader knows how many values there must be, and so each length, before
it looks at more than the head.
"""

import struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assay.workloads.diloco.codes import BLOCK, CODINGS, SCALE_MIN, VALUE_MAX, Blocks, Coding, Floats
from assay.workloads.errors import BadCheckpoint, Diverged

MAGIC: Final = b"aspg1"
HEAD: Final = struct.Struct("<5sBHQ")
PLAIN: Final = "float32"
NAMES: Final = (PLAIN, *CODINGS)
PER_BYTE: Final = {8: 1, 4: 2, 2: 4}


def pack(values: Floats, code: str, keep: int = 0) -> bytes:
    """Return the values in this code. Raises Diverged if one is not finite or larger than VALUE_MAX."""
    if not (np.abs(values) <= VALUE_MAX).all():
        raise Diverged("A weight moved further in a round than any that learns.")
    kept = keep if code in CODINGS and CODINGS[code].is_sparse else 0
    head = HEAD.pack(MAGIC, NAMES.index(code), kept, len(values))
    if code == PLAIN:
        return head + (values + np.float32(0)).astype("<f4").tobytes()
    blocks = CODINGS[code].encode(in_blocks(values), keep)
    places = b"" if blocks.places is None else blocks.places.tobytes()
    return head + blocks.scales.astype("<f4").tobytes() + places + press(blocks.codes, CODINGS[code].bits)


def unpack(data: bytes, count: int) -> Floats:
    """Return the `count` values. Raises BadCheckpoint for whatever `pack` would not have written."""
    if len(data) < HEAD.size or data[: len(MAGIC)] != MAGIC:
        raise BadCheckpoint("It is no pseudo-gradient.")
    _, number, keep, said = HEAD.unpack_from(data)
    if number >= len(NAMES) or said != count:
        raise BadCheckpoint(f"It is of {said} values in code {number}, not of the {count} weights.")
    body, code = memoryview(data)[HEAD.size :], NAMES[number]
    if code == PLAIN:
        return read_plain(body, count, keep)
    coding = CODINGS[code]
    if not (1 <= keep <= BLOCK if coding.is_sparse else keep == 0):
        raise BadCheckpoint(f"A block does not keep {keep} values.")
    blocks = read_blocks(body, coding, -(-count // BLOCK), keep)
    check_scales(blocks.scales)
    values = coding.decode(blocks).reshape(-1)
    # What pads the last block was a zero.
    rest = values[count:] if coding.is_sparse else blocks.codes.reshape(-1)[count:]
    if not coding.is_regular(blocks) or rest.any():
        raise BadCheckpoint("A block is not written in the one way, or the last one is padded with values.")
    return values[:count]


def read_plain(body: memoryview, count: int, keep: int) -> Floats:
    """Return values that were not coded. Raises BadCheckpoint."""
    if len(body) != 4 * count or keep:
        raise BadCheckpoint(f"It has {len(body)} bytes for {count} values.")
    values: Floats = np.frombuffer(body, "<f4")
    is_zero = values == 0
    if not (np.abs(values) <= VALUE_MAX).all() or np.signbit(values[is_zero]).any():
        raise BadCheckpoint("A value is not finite, too large, or a negative zero.")
    return values


def read_blocks(body: memoryview, coding: Coding, rows: int, keep: int) -> Blocks:
    """Return the blocks, of which nothing but the length is certain. Raises BadCheckpoint."""
    width = keep or BLOCK
    sizes = (4 * rows, 2 * rows * keep, rows * width * coding.bits // 8)
    if len(body) != sum(sizes):
        raise BadCheckpoint(f"It has {len(body)} bytes; {rows} blocks have {sum(sizes)}.")
    scales = np.frombuffer(body[: sizes[0]], "<f4")
    places = np.frombuffer(body[sizes[0] : sizes[0] + sizes[1]], "<u2").reshape(rows, keep) if keep else None
    if places is not None and (places >= BLOCK).any():
        raise BadCheckpoint("A place is outside its block.")
    return Blocks(scales, expand(body[sizes[0] + sizes[1] :], coding.bits).reshape(rows, width), places)


def check_scales(scales: Floats) -> None:
    """Raise BadCheckpoint for a scale that nobody would have written."""
    is_some = (scales >= SCALE_MIN) & (scales <= VALUE_MAX)
    if not (is_some | ((scales == 0) & ~np.signbit(scales))).all():
        raise BadCheckpoint("A scale is not finite, negative, too small or too large.")


def in_blocks(values: Floats) -> Floats:
    """Return rows of BLOCK values, the last one padded with zeros."""
    rows = -(-len(values) // BLOCK)
    return np.pad(values.astype(np.float32), (0, rows * BLOCK - len(values))).reshape(rows, BLOCK)


def press(codes: NDArray[Any], bits: int) -> bytes:
    """Return small integers side by side, the first in the lowest bits."""
    each = PER_BYTE[bits]
    parts = codes.astype(np.uint8).reshape(-1, each) & ((1 << bits) - 1)
    pressed = np.zeros(len(parts), np.uint8)
    for place in range(each):
        pressed |= parts[:, place] << (bits * place)
    return pressed.tobytes()


def expand(body: memoryview, bits: int) -> NDArray[Any]:
    """Return the integers that were pressed: signed ones, but for pairs of bits."""
    raw = np.frombuffer(body, np.uint8)
    each = PER_BYTE[bits]
    parts = np.stack([(raw >> (bits * place)) & ((1 << bits) - 1) for place in range(each)], axis=1).reshape(-1)
    if bits == 2:
        return parts
    signed = parts.astype(np.int16)
    return np.where(signed >= 1 << (bits - 1), signed - (1 << bits), signed).astype(np.int8)
