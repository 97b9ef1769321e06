"""Writes test/vectors/softfloat.bin: what the processor makes of edges and random bits, for the contract to agree with.

A record is an operation's number (1 byte), a (8), b (4) and the result (4), big-endian. `python tools/vectors.py`
writes the file, which is checked in; a test of libs/chain holds it to this generator.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TARGET = Path(__file__).parents[1] / "test/vectors/softfloat.bin"
NAN, SEED, EACH = 0x7FC00000, 0xA55A, 420
EDGES = [
    0x00000000, 0x00000001, 0x00000002, 0x00000003, 0x007FFFFE, 0x007FFFFF, 0x00800000, 0x00800001, 0x00FFFFFF,
    0x01000000, 0x0B800000, 0x1F800000, 0x20000000, 0x33800000, 0x33FFFFFF, 0x34000000, 0x3EAAAAAB, 0x3EFFFFFF,
    0x3F000000, 0x3F000001, 0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x3FC00000, 0x40000000, 0x40200000, 0x40490FDB,
    0x4AFFFFFF, 0x4B000000, 0x4B000001, 0x4B7FFFFF, 0x4B800000, 0x4F000000, 0x5F000000, 0x7E7FFFFF, 0x7F000000,
    0x7F7FFFFE, 0x7F7FFFFF, 0x7F800000, 0x7FC00000, 0x7F800001, 0x7FFFFFFF,
]  # fmt: skip
Words = NDArray[np.uint32]
Floats = NDArray[np.float32]

BINARY: dict[int, Callable[[Floats, Floats], Floats]] = {
    1: np.add,
    2: np.subtract,
    3: np.multiply,
    4: np.divide,
    5: lambda a, _: np.sqrt(a),
    6: lambda a, _: -a,
    7: lambda a, b: np.maximum(a, b) + np.float32(0),
    11: lambda a, _: np.rint(a),
}


def bits(values: Floats) -> Words:
    """The bits of floats, with one form for what is no number."""
    found = values.astype(np.float32)
    return np.where(np.isnan(found), np.uint32(NAN), found.view(np.uint32))


def operands(random: np.random.Generator) -> tuple[Words, Words]:
    """Pairs of edges, of random bits, and of values whose exponents lie close to one another."""
    edges = np.array([word | sign for word in EDGES for sign in (0, 1 << 31)], dtype=np.uint32)
    drawn = random.integers(0, 2**32, EACH, dtype=np.uint32)
    near = drawn + (random.integers(-30, 30, EACH).astype(np.uint32) << np.uint32(23))
    lefts = np.concatenate([random.choice(edges, EACH), drawn])
    rights = np.concatenate([random.choice(edges, EACH), near])
    return lefts, rights


def records() -> Iterator[bytes]:
    """All records, operation by operation."""
    random = np.random.default_rng(SEED)
    for number, function in BINARY.items():
        lefts, rights = operands(random)
        results = bits(function(lefts.view(np.float32), rights.view(np.float32)))
        for a, b, result in zip(lefts.tolist(), rights.tolist(), results.tolist(), strict=True):
            yield record(number, a, b, result)
    yield from quantised(random)
    yield from descaled(random)


def quantised(random: np.random.Generator) -> Iterator[bytes]:
    """rint(a * 2**b) by doubles, which hold it exactly, within 21 bits."""
    words, _ = operands(random)
    words = words[np.isfinite(words.view(np.float32))]
    places = random.integers(-107, 127, len(words))
    exact = np.rint(np.ldexp(words.view(np.float32).astype(np.float64), places))
    held = np.clip(exact, -(2**21), 2**21).astype(np.int64)
    for a, b, result in zip(words.tolist(), places.tolist(), held.tolist(), strict=True):
        yield record(14, a, b % 2**32, result % 2**32)


def descaled(random: np.random.Generator) -> Iterator[bytes]:
    """a * 2**-b by extended precision, whose 64 bits hold every integer, rounded once."""
    numbers = random.integers(-(2**63), 2**63, 2 * EACH) >> random.integers(0, 63, 2 * EACH)
    places = random.integers(-120, 230, 2 * EACH)
    results = bits(np.ldexp(numbers.astype(np.longdouble), -places).astype(np.float32))
    for a, b, result in zip(numbers.tolist(), places.tolist(), results.tolist(), strict=True):
        yield record(16, a % 2**64, b % 2**32, result)


def record(number: int, a: int, b: int, result: int) -> bytes:
    """One record."""
    return bytes([number]) + a.to_bytes(8, "big") + b.to_bytes(4, "big") + result.to_bytes(4, "big")


def write() -> bytes:
    """The content of the file."""
    with np.errstate(all="ignore"):
        return b"".join(records())


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(write())
