"""Logs of the governed contracts read back as their events, by tables made from the contracts' own interfaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, Final, NamedTuple

from assay.chain.artefacts import artefact, signature_of, type_of
from assay.chain.decode import named
from assay.chain.events import Receipt
from assay.chain.governed.acts import Node, places
from assay.chain.governed.events import GOVERNED_EVENTS_OF
from assay.chain.words import WORD_BYTES, normal
from assay.proof.keccak import keccak256

# Public nodes refuse wider ranges of logs.
LOG_SPAN_BLOCKS: Final = 2_000


class Said(NamedTuple):
    """An event of a governed contract and where the chain holds it."""

    event: Any
    block_number: int
    tx_hash: bytes


class Reader(NamedTuple):
    """How one event is read: its class, and name and type of its fields among the topics and behind them."""

    event: type[Any]
    indexed: tuple[tuple[str, str], ...]
    others: tuple[tuple[str, str], ...]


async def events_of(
    node: Node, names: Sequence[str], from_block: int, to_block: int, kinds: Sequence[type[Any]] = ()
) -> list[Said]:
    """Returns what these contracts said in these blocks, both included, in the chain's order; of some kinds only."""
    at = places(node).contracts()
    query: dict[str, Any] = {"address": [at[name] for name in names if name in at]}
    if kinds:
        query["topics"] = [["0x" + topic.hex() for (_, topic), reader in readers().items() if reader.event in kinds]]
    found: list[Said] = []
    for start in range(from_block, to_block + 1, LOG_SPAN_BLOCKS):
        last = min(start + LOG_SPAN_BLOCKS - 1, to_block)
        found += read(node, await node.rpc.ask("eth_getLogs", {**query, "fromBlock": hex(start), "toBlock": hex(last)}))
    return found


async def said_by(node: Node, receipt: Receipt) -> list[Any]:
    """Returns the governed contracts' events of one transaction."""
    query = {"address": list(places(node).contracts().values()), "blockHash": "0x" + receipt.block_hash.hex()}
    found = read(node, await node.rpc.ask("eth_getLogs", query))
    return [said.event for said in found if said.tx_hash == receipt.tx_hash]


def read(node: Node, logs: Sequence[Mapping[str, Any]]) -> list[Said]:
    """Returns the events of a node's logs; those that are not Assay's (a role's change, say) are left out."""
    names = {place.lower(): name for name, place in places(node).contracts().items()}
    found = []
    for log in logs:
        topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
        event = read_log(names[log["address"].lower()], topics, bytes.fromhex(log["data"][2:]))
        if event is not None:
            found.append(Said(event, int(log["blockNumber"], 16), bytes.fromhex(log["transactionHash"][2:])))
    return found


def read_log(contract: str, topics: Sequence[bytes], data: bytes) -> Any | None:
    """Returns the event of a contract's log, or None for one that is not Assay's."""
    from eth_abi.abi import decode

    reader = readers().get((contract, topics[0])) if topics else None
    if reader is None:
        return None
    values = decode([type_ for _, type_ in reader.others], data)
    found = {name: tidy(type_, value) for (name, type_), value in zip(reader.others, values, strict=True)}
    for (name, type_), topic in zip(reader.indexed, topics[1:], strict=True):
        found[name] = tidy(type_, decode([type_], topic.rjust(WORD_BYTES, b"\0"))[0])
    return reader.event(**found)


def tidy(type_: str, value: Any) -> Any:
    """Returns a value as Assay writes it: addresses with their checksums, lists that cannot change."""
    if type_ == "address":
        return normal(value)
    if type_ == "address[]":
        return tuple(map(normal, value))
    return value


@cache
def readers() -> Mapping[tuple[str, bytes], Reader]:
    """Returns how each event is read, by contract and first topic."""
    return {
        (contract, keccak256(signature_of(entry).encode())): reader_of(event, entry)
        for contract, events in GOVERNED_EVENTS_OF.items()
        for entry in artefact(contract).abi
        if entry["type"] == "event"
        for event in events
        if event.__name__ == entry["name"]
    }


def reader_of(event: type[Any], entry: Mapping[str, Any]) -> Reader:
    """Returns how an event is read. Raises ValueError where its class has other fields."""
    parts: dict[bool, list[tuple[str, str]]] = {True: [], False: []}
    for field in entry["inputs"]:
        parts[field["indexed"]].append((named(field["name"]), type_of(field)))
    if {field.name for field in fields(event)} != {name for part in parts.values() for name, _ in part}:
        raise ValueError(f"{event.__name__} has other fields than the contract's event")
    return Reader(event, tuple(parts[True]), tuple(parts[False]))
