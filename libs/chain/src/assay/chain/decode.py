"""Logs and reverts read back into the domain's words, by tables made from the contracts' own interfaces."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from assay.chain.artefacts import entries, signature_of
from assay.chain.events import CONTRACT_EVENTS, ChainEvent
from assay.chain.words import WORD_BYTES, checksum, selector
from assay.proof.keccak import keccak256

READERS: Mapping[str, Callable[[bytes], Any]] = {
    "address": lambda word: checksum(word[12:]),
    "bytes32": bytes,
    **{f"uint{bits}": lambda word: int.from_bytes(word, "big") for bits in (8, 64, 256)},
}


class Reader(NamedTuple):
    """How one event is read: its class and, per field, name, reader, and whether it stands among the topics."""

    event: type[ChainEvent]
    fields: tuple[tuple[str, Callable[[bytes], Any], bool], ...]


def read_event(topics: Sequence[bytes], data: bytes) -> ChainEvent | None:
    """Returns the event of a log, or None for one that is not Assay's (a token's transfer, say)."""
    reader = EVENT_READERS.get(topics[0]) if topics else None
    if reader is None:
        return None
    indexed = iter(topics[1:])
    words = iter(data[start : start + WORD_BYTES] for start in range(0, len(data), WORD_BYTES))
    values = {name: read(next(indexed if is_topic else words)) for name, read, is_topic in reader.fields}
    return reader.event(**values)


def read_revert(data: bytes) -> str:
    """Returns the contract's error and its arguments as it would be written in its source, or the bytes in hex."""
    known = ERRORS.get(data[:4])
    if known is None:
        return "0x" + data.hex()
    name, types = known
    try:
        return f"{name}({', '.join(_show(value) for value in decode(types, data[4:]))})"
    except DecodingError:
        return name


def _show(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()


def _reader(event: type[ChainEvent], entry: dict[str, Any]) -> Reader:
    fields = ((_snake(field["name"]), READERS[field["type"]], field["indexed"]) for field in entry["inputs"])
    return Reader(event, tuple(fields))


def _event_readers() -> dict[bytes, Reader]:
    classes = {event.__name__: event for event in CONTRACT_EVENTS}
    known = (entry for entry in entries("event") if entry["name"] in classes)
    return {keccak256(signature_of(entry).encode()): _reader(classes[entry["name"]], entry) for entry in known}


def _errors() -> dict[bytes, tuple[str, list[str]]]:
    declared = {
        selector(signature_of(entry)): (entry["name"], [field["type"] for field in entry["inputs"]])
        for entry in entries("error")
    }
    return declared | {
        selector("Error(string)"): ("Error", ["string"]),
        selector("Panic(uint256)"): ("Panic", ["uint256"]),
    }


EVENT_READERS = _event_readers()
ERRORS = _errors()
