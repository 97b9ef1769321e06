"""The arithmetic of challenges: when a block calls, what is computed, which rows are drawn, what an answer is worth.

A child has a square matrix B of bytes and some rows X, both from its seed; each round puts `f(X B)` in X's place, and
`f` keeps the second lowest byte of each number, so that rounds cannot be taken together. Rows do not meet: a few of
them are computed again at their share of the cost, without anything that the provider would have to show.

Numbers are from -128 to 127 and rows 1,024 long, so every sum is below 2^24 and exact in float32, whatever the
machine, the library and the order of the sum: an honest machine has no false row.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from blake3 import blake3

from assay.schema.challenge import FalseRow, Part
from assay.schema.values import Digest

WIDTH: Final = 1_024
"""Numbers of a row; a round of one row is WIDTH * WIDTH multiplications."""
STEPS_PER_UNIT: Final = 128
"""Rows of a round that are worth a cost unit: 2^27 multiplications, a token through the smallest base."""
WAY_MS: Final = 250
"""What call and answer may take on their way without counting. Together with the window it bounds what waiting for the
last moment gains: a quarter, in a window of a second."""
DRAWN: Final = 8
"""Rows that are computed again: of an answer of which half is made up all are right once in 256 times."""
FALSE_MIN: Final = 2
"""Drawn rows that have to be false before anybody is accused: a bit that flips in memory makes one so."""

SEED, CALL, DRAW = b"assay.challenge.seed.1", b"assay.challenge.call.1", b"assay.challenge.draw.1"


class Place(NamedTuple):
    """A row of a part."""

    part: int
    row: int


def calls(block_hash: bytes, every_blocks: int) -> bool:
    """Whether a block calls a challenge: one in `every_blocks` on average does, and none if that is 0."""
    if every_blocks == 0:
        return False
    return int.from_bytes(blake3(CALL + block_hash).digest(8), "big") % every_blocks == 0


def seed_of(block_hash: Digest, nonce: Digest, provider: str, part: int) -> bytes:
    """What a part's numbers are made from: of no other provider, part or moment."""
    text = bytes.fromhex(block_hash) + bytes.fromhex(nonce) + part.to_bytes(4, "big") + provider.encode()
    return blake3(SEED + text).digest()


def matrix(seed: bytes) -> bytes:
    """The numbers of B, row by row, a signed byte each."""
    return blake3(b"B" + seed).digest(length=WIDTH * WIDTH)


def first_row(seed: bytes, row: int) -> bytes:
    """The numbers of a row before the first round, a signed byte each."""
    return blake3(b"X" + seed).digest(length=WIDTH, seek=row * WIDTH)


def mark(row: bytes) -> str:
    """What stands for a row in an answer: two bytes of its digest, in hex. To guess it helps once in 65,536 times."""
    return blake3(row).digest(length=2).hex()


def units_per_s(parts: Sequence[Part], spent_ms: int) -> int:
    """The cost units a second of all parts together, rounded down."""
    return sum(part.rows * part.rounds for part in parts) * 1_000 // (STEPS_PER_UNIT * spent_ms)


def spent_ms(window_ms: int, called_ms: int, answered_ms: int) -> int:
    """The time that counts: from call to answer without what the way may take, and the window at least."""
    return max(window_ms, answered_ms - called_ms - WAY_MS)


def draw(parts: Sequence[Part], drawn_hash: bytes, challenge_id: str) -> tuple[Place, ...]:
    """The places that a block draws from an answer, in order; each of them once."""
    rows = [Place(number, row) for number, part in enumerate(parts) for row in range(part.rows)]
    stream = blake3(DRAW + drawn_hash + challenge_id.encode()).digest(length=8 * 64)
    numbers = (int.from_bytes(stream[at : at + 8], "big") % len(rows) for at in range(0, len(stream), 8))
    return tuple(sorted(rows[number] for number in list(dict.fromkeys(numbers))[:DRAWN]))


def false_rows(parts: Sequence[Part], found: dict[Place, str]) -> tuple[FalseRow, ...]:
    """Those places whose mark is not the one that was claimed."""
    claimed = {place: parts[place.part].marks[4 * place.row : 4 * place.row + 4] for place in found}
    return tuple(
        FalseRow(part=place.part, row=place.row, claimed=claimed[place], found=mark_)
        for place, mark_ in sorted(found.items())
        if claimed[place] != mark_
    )
