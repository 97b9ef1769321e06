"""One way to write values as bytes, so that what is hashed and signed reads as one thing only."""

from dataclasses import fields, is_dataclass

from assay.schema.errors import Refused

INT_BYTES = 16


def encode(value: object) -> bytes:
    """A value of numbers, texts, bytes, tuples and frozen records of these as bytes. Raises Refused for others."""
    if value is None:
        return b"n"
    if isinstance(value, bool) or (not isinstance(value, int | str | bytes | tuple) and not is_dataclass(value)):
        raise Refused("court.malformed", f"A {type(value).__name__} has no place in a move.")
    if isinstance(value, int):
        return _number(value)
    if isinstance(value, bytes | str):
        raw = value.encode() if isinstance(value, str) else value
        return (b"s" if isinstance(value, str) else b"b") + _length(raw) + raw
    parts = value if isinstance(value, tuple) else tuple(getattr(value, field.name) for field in fields(value))
    return b"t" + _length(parts) + b"".join(map(encode, parts))


def _number(value: int) -> bytes:
    raw = value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)
    if len(raw) > INT_BYTES:
        raise Refused("court.malformed", "A number is too long.")
    return b"i" + bytes([len(raw)]) + raw


def _length(value: bytes | tuple[object, ...]) -> bytes:
    if len(value) < 255:
        return bytes([len(value)])
    return b"\xff" + len(value).to_bytes(4, "big")
