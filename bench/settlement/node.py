"""An EVM node that is asked directly: contracts from their artefacts, calls by name, and the gas that each took."""

import itertools
import json
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from eth_abi.abi import decode, encode

from assay.chain.artefacts import artefact
from assay.proof.keccak import keccak256

GAS_LIMIT: Final = hex(200_000_000)
MINED_WITHIN_S: Final = 60
NUMBERS = itertools.count(1)


class Node:
    """A node whose accounts sign by themselves."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.accounts: list[str] = self.ask("eth_accounts")

    def ask(self, method: str, *params: Any) -> Any:
        """What the node answers. Raises RuntimeError with its refusal."""
        body = json.dumps({"jsonrpc": "2.0", "id": next(NUMBERS), "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as said:
            answer = json.load(said)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def send(self, sender: str, to: str | None, data: bytes) -> dict[str, Any]:
        """The receipt of a transaction. Raises RuntimeError if it failed."""
        fields = {"from": sender, "data": "0x" + data.hex(), "gas": GAS_LIMIT} | ({"to": to} if to else {})
        receipt = self._mined(self.ask("eth_sendTransaction", fields))
        if int(receipt["status"], 16) != 1:
            raise RuntimeError(self.ask("eth_call", fields, "latest"))
        return receipt

    def _mined(self, tx_hash: str) -> dict[str, Any]:
        deadline = time.monotonic() + MINED_WITHIN_S
        while (receipt := self.ask("eth_getTransactionReceipt", tx_hash)) is None:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{tx_hash} was not mined in {MINED_WITHIN_S} s.")
            time.sleep(0.005)
        return dict(receipt)

    def pass_time(self, seconds: int) -> None:
        """Nothing; the next block is that much later."""
        self.ask("evm_increaseTime", seconds)
        self.ask("evm_mine")

    def time_of(self, receipt: dict[str, Any]) -> int:
        """When a transaction was mined."""
        return int(self.ask("eth_getBlockByNumber", receipt["blockNumber"], False)["timestamp"], 16)


class Contract:
    """A contract on a node."""

    def __init__(self, node: Node, abi: list[dict[str, Any]], address: str) -> None:
        self.node, self.address = node, address
        self._functions = {entry["name"]: entry for entry in abi if entry["type"] == "function"}

    def send(self, sender: str, name: str, *arguments: Any) -> dict[str, Any]:
        """The receipt of a call."""
        return self.node.send(sender, self.address, self.data(name, *arguments))

    def gas(self, sender: str, name: str, *arguments: Any) -> int:
        """What a call took."""
        return int(self.send(sender, name, *arguments)["gasUsed"], 16)

    def ask(self, name: str, *arguments: Any) -> Any:
        """What a view answers."""
        said = self.node.ask(
            "eth_call", {"to": self.address, "data": "0x" + self.data(name, *arguments).hex()}, "latest"
        )
        values = decode([type_of(each) for each in self._functions[name]["outputs"]], bytes.fromhex(said[2:]))
        return values[0] if len(values) == 1 else values

    def data(self, name: str, *arguments: Any) -> bytes:
        """A call as it is sent."""
        types = [type_of(each) for each in self._functions[name]["inputs"]]
        return keccak256(f"{name}({','.join(types)})".encode())[:4] + encode(types, arguments)


def deploy(node: Node, name: str, *arguments: Any, folder: Path | None = None) -> Contract:
    """A new contract, from the project's artefacts or a folder of others."""
    if folder is None:
        abi, bytecode, _ = artefact(name)
    else:
        fields = json.loads((folder / f"{name}.json").read_text())
        abi, bytecode = fields["abi"], bytes.fromhex(fields["bytecode"].removeprefix("0x"))
    inputs: list[dict[str, Any]] = next((entry["inputs"] for entry in abi if entry["type"] == "constructor"), [])
    data = bytecode + encode([type_of(each) for each in inputs], arguments)
    return Contract(node, abi, node.send(node.accounts[0], None, data)["contractAddress"])


def type_of(entry: dict[str, Any]) -> str:
    """The type of a parameter, with those of a struct's fields written out."""
    kind: str = entry["type"]
    if not kind.startswith("tuple"):
        return kind
    fields: Sequence[dict[str, Any]] = entry["components"]
    return f"({','.join(type_of(each) for each in fields)}){kind.removeprefix('tuple')}"
