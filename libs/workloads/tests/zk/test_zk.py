"""A small model is really proven, and the proof is checked here and by a contract on a real EVM node.

The fixture beside this file is written by `python -m tools.zk_fixture`.
"""

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from eth_abi.abi import encode
from tests.servers import rpc

from assay.workloads.zk import BadProof, Circuit, Proof, check, compile_model, evm_call, make_keys, prove

pytestmark = [pytest.mark.server, pytest.mark.slow]

FIXTURE = Path(__file__).parent
INPUTS = (0.25, -0.5, 0.125, 1.0, -1.0, 0.75, 0.5, -0.25)
VERIFY = "0x1e8e1e13"  # verifyProof(bytes,uint256[])


class Proven(NamedTuple):
    circuit: Circuit
    proof: Proof


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Proven:
    """The fixture's circuit, and one proof in it."""
    circuit = received(tmp_path_factory.mktemp("prover"))
    return Proven(circuit, prove(circuit, INPUTS))


@pytest.fixture
async def verifier(chain_url: str) -> str:
    """The address of the deployed contract."""
    sender = (await rpc(chain_url, "eth_accounts"))[0]
    code = json.loads((FIXTURE / "verifier.json").read_text())["bytecode"]
    tx = await rpc(chain_url, "eth_sendTransaction", {"from": sender, "data": code, "gas": hex(8_000_000)})
    await rpc(chain_url, "evm_mine")
    receipt = await rpc(chain_url, "eth_getTransactionReceipt", tx)
    assert receipt["status"] == "0x1"
    return str(receipt["contractAddress"])


def test_a_proof_shows_what_the_model_gives(proven: Proven) -> None:
    assert check(proven.circuit, proven.proof.data, INPUTS) == proven.proof.outputs
    assert len(set(proven.proof.outputs)) > 1


def test_whoever_makes_the_keys_of_a_circuit_gets_the_same(proven: Proven, tmp_path: Path) -> None:
    other = received(tmp_path)
    assert other.digest == proven.circuit.digest
    assert check(other, proven.proof.data, INPUTS) == proven.proof.outputs


def test_a_model_can_be_compiled_anew(tmp_path: Path) -> None:
    circuit = compile_model(FIXTURE / "tiny.onnx", FIXTURE / "tiny.srs", tmp_path)
    make_keys(circuit)
    assert check(circuit, prove(circuit, INPUTS).data, INPUTS)


def test_a_proof_about_other_inputs_is_refused(proven: Proven) -> None:
    with pytest.raises(BadProof, match="other inputs"):
        check(proven.circuit, proven.proof.data, (*INPUTS[:-1], 0.5))


@pytest.mark.parametrize("part", ["hex_proof", "instances"])
def test_a_changed_proof_is_refused(proven: Proven, part: str) -> None:
    with pytest.raises(BadProof):
        check(proven.circuit, changed(proven.proof.data, part), INPUTS)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"instances": [["00"]]}', b"0" * (2**18 + 1)])
def test_what_is_no_proof_is_refused(proven: Proven, data: bytes) -> None:
    with pytest.raises(BadProof):
        check(proven.circuit, data, INPUTS)


async def test_a_contract_accepts_the_proof_and_no_other(proven: Proven, verifier: str, chain_url: str) -> None:
    assert await is_accepted(chain_url, verifier, proven.proof.data)
    for part in ("hex_proof", "instances"):
        assert not await is_accepted(chain_url, verifier, changed(proven.proof.data, part))
    gas = int(await rpc(chain_url, "eth_estimateGas", {"to": verifier, "data": calldata(proven.proof.data)}), 16)
    assert 21_000 < gas < 1_000_000


def received(folder: Path) -> Circuit:
    """The compiled circuit as a party receives it, with the keys that it makes of it."""
    circuit = Circuit(folder, FIXTURE / "tiny.srs")
    for part in (circuit.compiled, circuit.settings):
        shutil.copy(FIXTURE / part.name, part)
    make_keys(circuit)
    return circuit


async def is_accepted(url: str, contract: str, proof: bytes) -> bool:
    """Whether the contract says that the proof holds."""
    try:
        said = await rpc(url, "eth_call", {"to": contract, "data": calldata(proof)}, "latest")
    except Exception as error:
        assert "revert" in str(error), error
        return False
    return int(said, 16) == 1


def calldata(proof: bytes) -> str:
    """The call that verifies the proof."""
    call = evm_call(proof)
    return VERIFY + encode(["bytes", "uint256[]"], [call.proof, list(call.instances)]).hex()


def changed(proof: bytes, part: str) -> bytes:
    """The proof with one digit of a part changed: of the claimed output, or of the argument."""
    said: dict[str, Any] = json.loads(proof)
    if part == "instances":
        felts = said["instances"][0]
        felts[-1] = ("1" if felts[-1][0] != "1" else "2") + felts[-1][1:]
    else:
        text = said["hex_proof"]
        said["hex_proof"] = text[:10] + ("1" if text[10] != "1" else "2") + text[11:]
        said["proof"] = list(bytes.fromhex(said["hex_proof"].removeprefix("0x")))
    return json.dumps(said).encode()
