"""The compiled contracts that lie beside this file, written by libs/chain/contracts/build.sh."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

CONTRACTS = (
    *("StableToken", "NativeToken", "InsurancePool", "EpochAnchors", "Judge", "Payment", "Challenges"),
    *("StakeVault", "Restaking", "Slashing", "Purses"),
)


class Artefact(NamedTuple):
    """A contract's interface in Solidity's JSON form, the code that creates it, and how long its own code then is."""

    abi: list[dict[str, Any]]
    bytecode: bytes
    size_bytes: int


@cache
def artefact(name: str) -> Artefact:
    """Returns one of CONTRACTS."""
    text = (Path(__file__).parent / "abi" / f"{name}.json").read_text()
    fields = json.loads(text)
    return Artefact(fields["abi"], bytes.fromhex(fields["bytecode"].removeprefix("0x")), fields["size"])


def entries(kind: str, names: Sequence[str] = CONTRACTS) -> list[dict[str, Any]]:
    """Returns the `event` or `error` entries of these contracts."""
    return [entry for name in names for entry in artefact(name).abi if entry["type"] == kind]


def signature_of(entry: dict[str, Any]) -> str:
    """Returns what an event or error is hashed by."""
    return f"{entry['name']}({','.join(type_of(field) for field in entry['inputs'])})"


def type_of(field: dict[str, Any]) -> str:
    """Returns the type of an argument; a struct's is the list of its fields' types."""
    if field["type"] != "tuple":
        return str(field["type"])
    return f"({','.join(type_of(part) for part in field['components'])})"
