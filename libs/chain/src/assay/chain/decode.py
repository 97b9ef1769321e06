"""Logs and reverts read back into the domain's words, by tables made from the contracts' own interfaces."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from assay.chain.artefacts import entries, signature_of, type_of
from assay.chain.events import EVENTS_OF, ChainEvent
from assay.chain.words import WORD_BYTES, checksum, selector
from assay.proof.keccak import keccak256
from assay.proof.settlement_tree import Node

Words = Iterator[bytes]
READERS: Mapping[str, Callable[[Words], Any]] = {
    "address": lambda words: checksum(next(words)[12:]),
    "bytes32": lambda words: bytes(next(words)),
    "bool": lambda words: any(next(words)),
    **{f"uint{bits}": lambda words: _number(next(words)) for bits in (8, 32, 64, 256)},
    # A root with its two sums in one word.
    "(bytes32,uint256)": lambda words: Node(bytes(next(words)), *divmod(_number(next(words)), 1 << 128)),
}


# Words that Python keeps for itself.
RENAMED: Mapping[str, str] = {"from": "begins"}


class Reader(NamedTuple):
    """How one event is read: its class and, per field, name, reader, and whether it stands among the topics."""

    event: type[ChainEvent]
    fields: tuple[tuple[str, Callable[[Words], Any], bool], ...]


def read_event(contract: str, topics: Sequence[bytes], data: bytes) -> ChainEvent | None:
    """Returns the event of a contract's log, or None for one that is not Assay's (a role's change, say)."""
    reader = EVENT_READERS.get((contract, topics[0])) if topics else None
    if reader is None:
        return None
    indexed = iter(topics[1:])
    words = iter(data[start : start + WORD_BYTES] for start in range(0, len(data), WORD_BYTES))
    values = {name: read(indexed if is_topic else words) for name, read, is_topic in reader.fields}
    return reader.event(**values)


def _number(word: bytes) -> int:
    return int.from_bytes(word, "big")


def read_revert(data: bytes) -> str:
    """Returns the contract's error and its arguments as it would be written in its source, or the bytes in hex."""
    known = ERRORS.get(data[:4])
    if known is None:
        return "0x" + data.hex()
    from eth_abi.abi import decode  # a tenth of a second to load, for what is seldom seen
    from eth_abi.exceptions import DecodingError

    name, types = known
    try:
        return f"{name}({', '.join(_show(value) for value in decode(types, data[4:]))})"
    except DecodingError:
        return name


def _show(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def snake(name: str) -> str:
    """Returns a contract's name of something as Python writes it."""
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()


def named(name: str) -> str:
    """Returns a contract's name of a field as its class has it."""
    return RENAMED.get(name, snake(name))


def _reader(event: type[ChainEvent], entry: dict[str, Any]) -> Reader:
    fields = ((named(field["name"]), READERS[type_of(field)], field["indexed"]) for field in entry["inputs"])
    return Reader(event, tuple(fields))


def _event_readers() -> dict[tuple[str, bytes], Reader]:
    return {
        (contract, keccak256(signature_of(entry).encode())): _reader(event, entry)
        for contract, events in EVENTS_OF.items()
        for entry in entries("event", [contract])
        for event in events
        if event.__name__ == entry["name"]
    }


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
