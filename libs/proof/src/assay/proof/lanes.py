"""BLAKE3's compression of many blocks at once, in whole numbers in which each block has a lane of 64 bits.

The package `blake3` gives the digest of a whole and none of the chaining values that it is made of, which a slice is
proven by (`slices`). Sums of 32 bits never leave their lane, so one addition of Python's adds all blocks: 28 MB/s where
a block at a time would be one, and nothing to install.
"""

import struct
from collections.abc import Sequence
from itertools import chain
from typing import Final

CHUNK_BYTES: Final = 1024
BLOCK_BYTES: Final = 64
VALUE_BYTES: Final = 32
WORD: Final = 0xFFFFFFFF
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8
IV: Final = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
ORDER: Final = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
ROUNDS: Final = 7
COLUMNS: Final = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15))
DIAGONALS: Final = ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def chunk_values(chunks: bytes, numbers: Sequence[int]) -> bytes:
    """The chaining values, one after another, of chunks that lie one after another, by their numbers in a blob.

    All chunks are whole but perhaps the last; a number is below 2^32.
    """
    whole = len(chunks) - len(chunks) % CHUNK_BYTES
    count = whole // CHUNK_BYTES
    values = _chunks(chunks[:whole], CHUNK_BYTES, numbers[:count])
    return values + _chunks(chunks[whole:], len(chunks) - whole, numbers[count:])


def parent_values(blocks: bytes, flags: int = PARENT) -> bytes:
    """The chaining values, one after another, of pairs of them; with the flag ROOT the digest of a whole."""
    if not blocks:
        return b""
    count = len(blocks) // BLOCK_BYTES
    words, ones = _words(blocks), _lanes([1] * count)
    message = [_lanes(words[place::16]) for place in range(16)]
    return _bytes(
        _compressed([ones * word for word in IV], message, (0, 0, ones * BLOCK_BYTES, ones * flags), ones), count
    )


def _chunks(data: bytes, size: int, numbers: Sequence[int]) -> bytes:
    """The values of chunks of one size; only a chunk that is alone may not fill its last block."""
    if not numbers:
        return b""
    blocks = -(-size // BLOCK_BYTES)
    words, ones = _words(data.ljust(len(numbers) * blocks * BLOCK_BYTES, b"\0")), _lanes([1] * len(numbers))
    state, places = [ones * word for word in IV], _lanes(numbers)
    for block in range(blocks):
        message = [_lanes(words[16 * block + place :: 16 * blocks]) for place in range(16)]
        flags = CHUNK_START * (block == 0) | CHUNK_END * (block == blocks - 1)
        used = min(BLOCK_BYTES, size - block * BLOCK_BYTES)
        state = _compressed(state, message, (places, 0, ones * used, ones * flags), ones)
    return _bytes(state, len(numbers))


def _compressed(state: list[int], message: list[int], rest: tuple[int, int, int, int], ones: int) -> list[int]:
    """The chaining values after a block; `rest` is the number (low, high), the length and the flags of each."""
    mask = ones * WORD
    v = [*state, *(ones * word for word in IV[:4]), *rest]
    for _ in range(ROUNDS):
        for turn, (a, b, c, d) in enumerate((*COLUMNS, *DIAGONALS)):
            v[a] = (v[a] + v[b] + message[2 * turn]) & mask
            v[d] = _turned(v[d] ^ v[a], 16, mask)
            v[c] = (v[c] + v[d]) & mask
            v[b] = _turned(v[b] ^ v[c], 12, mask)
            v[a] = (v[a] + v[b] + message[2 * turn + 1]) & mask
            v[d] = _turned(v[d] ^ v[a], 8, mask)
            v[c] = (v[c] + v[d]) & mask
            v[b] = _turned(v[b] ^ v[c], 7, mask)
        message = [message[place] for place in ORDER]
    return [v[place] ^ v[place + 8] for place in range(8)]


def _turned(word: int, bits: int, mask: int) -> int:
    return (word >> bits | word << (32 - bits)) & mask


def _words(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(data) // 4}I", data)


def _lanes(words: Sequence[int]) -> int:
    return int.from_bytes(struct.pack(f"<{len(words)}Q", *words), "little")


def _bytes(state: list[int], count: int) -> bytes:
    rows = [struct.unpack(f"<{count}Q", lanes.to_bytes(8 * count, "little")) for lanes in state]
    return struct.pack(f"<{8 * count}I", *chain.from_iterable(zip(*rows, strict=True)))
