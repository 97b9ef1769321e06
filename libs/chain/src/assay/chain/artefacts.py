"""The compiled contracts that lie beside this file, written by libs/chain/contracts/build.sh."""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

CONTRACTS = ("StableToken", "NativeToken", "Escrow", "Stake", "InsurancePool", "EpochAnchors", "Judge")


class Artefact(NamedTuple):
    """A contract's interface in Solidity's JSON form and the code that creates it."""

    abi: list[dict[str, Any]]
    bytecode: bytes


@cache
def artefact(name: str) -> Artefact:
    """Returns one of CONTRACTS."""
    text = (Path(__file__).parent / "abi" / f"{name}.json").read_text()
    fields = json.loads(text)
    return Artefact(abi=fields["abi"], bytecode=bytes.fromhex(fields["bytecode"].removeprefix("0x")))


def entries(kind: str) -> list[dict[str, Any]]:
    """Returns the `event` or `error` entries of all contracts."""
    return [entry for name in CONTRACTS for entry in artefact(name).abi if entry["type"] == kind]


def signature_of(entry: dict[str, Any]) -> str:
    """Returns what an event or error without struct arguments is hashed by."""
    return f"{entry['name']}({','.join(field['type'] for field in entry['inputs'])})"
