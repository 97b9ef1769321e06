"""One way to write values as bytes, so that what is hashed and signed reads as one thing only.

Hashes of a list stand side by side, hexadecimal texts as the bytes that they stand for, and whole numbers of a tensor
in as many bits as the largest needs: quantised numbers have 22 of 32.
"""

import re
import struct
from dataclasses import fields, is_dataclass
from typing import Final

from assay.schema.errors import Refused

INT_BYTES = 16
HEXADECIMAL: Final = re.compile(r"0x([0-9a-f]{2})+")
PACKED_BYTES_MIN: Final = 64
BITS_MIN, BITS_MAX = 8, 24
"""Words of more bits are not packed; one byte never stands for more than four."""


def encode(value: object) -> bytes:
    """A value of numbers, texts, bytes, tuples and frozen records of these as bytes. Raises Refused for others."""
    if value is None:
        return b"n"
    if isinstance(value, bool) or (not isinstance(value, int | str | bytes | tuple) and not is_dataclass(value)):
        raise Refused("court.malformed", f"A {type(value).__name__} has no place in a move.")
    if isinstance(value, int):
        return _number(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes):
        return _packed(value) or b"b" + _length(len(value)) + value
    parts = value if isinstance(value, tuple) else tuple(getattr(value, field.name) for field in fields(value))
    return _alike(parts) or b"t" + _length(len(parts)) + b"".join(map(encode, parts))


def _number(value: int) -> bytes:
    raw = value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)
    if len(raw) > INT_BYTES:
        raise Refused("court.malformed", "A number is too long.")
    return b"i" + bytes([len(raw)]) + raw


def _text(value: str) -> bytes:
    is_hexadecimal = HEXADECIMAL.fullmatch(value)
    raw = bytes.fromhex(value[2:]) if is_hexadecimal else value.encode()
    return (b"x" if is_hexadecimal else b"s") + _length(len(raw)) + raw


def _alike(parts: tuple[object, ...]) -> bytes:
    """Some strings of bytes of one length; nothing for other parts."""
    strings = [part for part in parts if isinstance(part, bytes)]
    size = len(strings[0]) if strings else 0
    if not 0 < size < 255 or len(parts) < 2 or len(strings) < len(parts) or any(len(each) != size for each in strings):
        return b""
    return b"h" + _length(len(parts)) + bytes([size]) + b"".join(strings)


def _packed(data: bytes) -> bytes:
    """Little-endian words of 32 bits in fewer; nothing where that is no gain."""
    if len(data) < PACKED_BYTES_MIN or len(data) % 4:
        return b""
    words = struct.unpack(f"<{len(data) // 4}i", data)
    bits = max(BITS_MIN, 1 + max((word ^ word >> 31).bit_length() for word in words))
    if bits > BITS_MAX:
        return b""
    digits = "".join(f"{word & (1 << bits) - 1:0{bits}b}" for word in words)
    return b"w" + _length(len(words)) + bytes([bits]) + int(digits, 2).to_bytes(packed_bytes(len(words), bits), "big")


def packed_bytes(count: int, bits: int) -> int:
    """How many bytes so many words of so many bits take."""
    return -(-count * bits // 8)


def _length(count: int) -> bytes:
    return bytes([count]) if count < 255 else b"\xff" + count.to_bytes(4, "big")
