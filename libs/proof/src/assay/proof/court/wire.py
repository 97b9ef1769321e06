"""Moves and terms as they travel: `encoding` read back strictly, into the very types that they were written from."""

import base64
import struct
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import IntEnum
from typing import Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from assay.proof.court.encoding import BITS_MAX, BITS_MIN, encode, packed_bytes
from assay.proof.court.moves import AFTER_BYTES, SIGNATURE_BYTES, Move, Signed
from assay.schema.errors import Refused

SIZE_MAX: Final = 2**25
"""No move is larger: a tensor of 128 million elements is revealed in 32 MB, most moves take less than one kB."""
DEPTH_MAX: Final = 8
T = TypeVar("T")

KINDS: Final[tuple[type[Move], ...]] = get_args(Move)
HEAD_BYTES: Final = AFTER_BYTES + SIGNATURE_BYTES


def write_move(signed: Signed) -> bytes:
    """A move as bytes: of the one before it the first few, the signature, its kind, what it says."""
    kind = KINDS.index(type(signed.move)).to_bytes(1, "big")
    return signed.after + bytes.fromhex(signed.signature.removeprefix("0x")) + kind + encode(signed.move)


def read_move(data: bytes) -> Signed:
    """The move that these bytes hold. Raises Refused."""
    after, signature, kind = data[:AFTER_BYTES], data[AFTER_BYTES:HEAD_BYTES], data[HEAD_BYTES : HEAD_BYTES + 1]
    if not kind or kind[0] >= len(KINDS):
        raise Refused("court.malformed", "The bytes are no move.")
    return Signed(after, build(KINDS[kind[0]], parse(data[HEAD_BYTES + 1 :])), "0x" + signature.hex())


def pack(signed: Signed) -> str:
    """A move as an event carries it."""
    return in_text(write_move(signed))


def in_text(data: bytes) -> str:
    """Bytes as an event carries them."""
    return base64.b64encode(data).decode()


def unpack(content: str) -> bytes:
    """The bytes that an event carries. Raises ValueError."""
    return base64.b64decode(content, validate=True)


def read(kind: type[T], data: bytes) -> T:
    """The value of this type that `encode` wrote. Raises Refused."""
    return cast(T, build(kind, parse(data)))


def parse(data: bytes) -> Any:
    """What the bytes hold, records as tuples. Raises Refused for bytes that `encode` does not write."""
    if len(data) > SIZE_MAX:
        raise Refused("court.malformed", f"{len(data)} bytes are more than a move has.")
    value, end = _parse(data, 0, DEPTH_MAX)
    if end != len(data):
        raise Refused("court.malformed", "Bytes are left over.")
    return value


def _parse(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    tag, at = data[at : at + 1], at + 1
    if tag == b"n":
        return None, at
    if tag == b"i":
        raw, at = _take(data, at + 1, data[at] if at < len(data) else -1)
        return int.from_bytes(raw, "big", signed=True), at
    count, at = _length(data, at)
    if tag in STRINGS:
        raw, at = _take(data, at, count)
        return STRINGS[tag](raw), at
    if tag in LISTS:
        (size,), at = _take(data, at, 1)
        return LISTS[tag](data, at, count, size)
    if tag != b"t" or depth == 0 or count > len(data) - at:
        raise Refused("court.malformed", "The bytes are not in order.")
    parts = []
    for _ in range(count):
        part, at = _parse(data, at, depth - 1)
        parts.append(part)
    return tuple(parts), at


def _length(data: bytes, at: int) -> tuple[int, int]:
    (first,), at = _take(data, at, 1)
    if first < 255:
        return first, at
    raw, at = _take(data, at, 4)
    return int.from_bytes(raw, "big"), at


def _take(data: bytes, at: int, count: int) -> tuple[bytes, int]:
    if count < 0 or at + count > len(data):
        raise Refused("court.malformed", "The bytes end too soon.")
    return data[at : at + count], at + count


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Refused("court.malformed", "A text is none.") from None


def _alike(data: bytes, at: int, count: int, size: int) -> tuple[tuple[bytes, ...], int]:
    raw, at = _take(data, at, count * size)
    if count < 2 or not size:
        raise Refused("court.malformed", "A list of hashes is none.")
    return tuple(raw[start : start + size] for start in range(0, len(raw), size)), at


def _packed(data: bytes, at: int, count: int, bits: int) -> tuple[bytes, int]:
    if not BITS_MIN <= bits <= BITS_MAX or not count:
        raise Refused("court.malformed", f"Words of {bits} bits are not packed.")
    raw, at = _take(data, at, packed_bytes(count, bits))
    digits = f"{int.from_bytes(raw, 'big'):0{count * bits}b}"
    if len(digits) > count * bits:
        raise Refused("court.malformed", "Packed words begin too early.")
    sign = 1 << bits - 1
    words = (int(digits[start : start + bits], 2) for start in range(0, len(digits), bits))
    return struct.pack(f"<{count}i", *((word ^ sign) - sign for word in words)), at


STRINGS: Final[Mapping[bytes, Callable[[bytes], Any]]] = {b"b": bytes, b"s": _text, b"x": lambda raw: "0x" + raw.hex()}
LISTS: Final[Mapping[bytes, Callable[[bytes, int, int, int], tuple[Any, int]]]] = {b"h": _alike, b"w": _packed}


def build(kind: Any, value: Any) -> Any:
    """The value as this type. Raises Refused if it does not fit."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        inner = next(part for part in get_args(kind) if part is not type(None))
        return None if value is None else build(inner, value)
    if origin is tuple:
        return _tuple(get_args(kind), value)
    if is_dataclass(kind):
        return _record(kind, value)
    if isinstance(kind, type) and issubclass(kind, IntEnum):
        return _number(kind, value)
    if not isinstance(value, kind):
        raise Refused("court.malformed", f"A {kind.__name__} is expected.")
    return value


def _tuple(kinds: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, tuple) or (kinds[-1] is not Ellipsis and len(value) != len(kinds)):
        raise Refused("court.malformed", "A list of another length is expected.")
    each = [kinds[0]] * len(value) if kinds[-1] is Ellipsis else kinds
    return tuple(build(kind, part) for kind, part in zip(each, value, strict=True))


def _record(kind: Any, value: Any) -> Any:
    names = [field.name for field in fields(kind)]
    if not isinstance(value, tuple) or len(value) != len(names):
        raise Refused("court.malformed", f"A {kind.__name__} has {len(names)} fields.")
    hints = get_type_hints(kind)
    return kind(*(build(hints[name], part) for name, part in zip(names, value, strict=True)))


def _number(kind: Callable[[int], IntEnum], value: Any) -> IntEnum:
    try:
        return kind(build(int, value))
    except ValueError:
        raise Refused("court.malformed", f"There is no number {value} in the table.") from None
