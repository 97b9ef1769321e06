"""Writes the small circuit that the tests prove with: model, reference string, and the contract that verifies it.

    python -m tools.zk_fixture

Needs the package onnx and the compiler in libs/chain/contracts (`make contracts` fetches it). The reference string is
of one maker: test trust only.
"""

import asyncio
import json
import shutil
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from assay.workloads.zk import compile_model, make_keys, make_srs
from assay.workloads.zk.circuit import ezkl

ROOT: Final = Path(__file__).parent.parent
FIXTURE: Final = ROOT / "libs/workloads/tests/zk"
CONTRACTS: Final = ROOT / "libs/chain/contracts"
WIDTHS: Final = (8, 16, 4)
COMPILE: Final = "const s=require('solc');console.log(s.compile(require('fs').readFileSync(0,'utf8')))"


def write_model(path: Path) -> None:
    """A perceptron with one hidden layer."""
    chance = np.random.default_rng(0)
    weights: list[Any] = []
    for turn, (rows, columns) in enumerate(pairwise(WIDTHS)):
        drawn = (chance.standard_normal((rows, columns)) * 0.3).astype("float32")
        weights += [numpy_helper.from_array(drawn, f"w{turn}")]
        weights += [numpy_helper.from_array(np.zeros(columns, "float32"), f"b{turn}")]
    nodes = [
        helper.make_node("Gemm", ["x", "w0", "b0"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "w1", "b1"], ["y"]),
    ]
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, width])]
        for name, width in (("x", WIDTHS[0]), ("y", WIDTHS[-1]))
    ]
    graph = helper.make_graph(nodes, "tiny", *ends, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))


async def write_source(circuit: Any, path: Path) -> None:
    """The verifier's source. ezkl wants a compiler of its own afterwards, which it is not given."""
    try:
        files = (circuit.verification_key, circuit.settings, path, path.with_suffix(".abi"), circuit.srs)
        await ezkl().create_evm_verifier(*map(str, files))
    except RuntimeError:
        if not path.exists():
            raise


def compiled(source: str) -> dict[str, Any]:
    """ABI and bytecode of the verifier."""
    asked = {
        "language": "Solidity",
        "sources": {"v.sol": {"content": source}},
        "settings": {
            "optimizer": {"enabled": True, "runs": 1},
            "evmVersion": "cancun",
            "metadata": {"bytecodeHash": "none", "appendCBOR": False},
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
        },
    }
    ran = subprocess.run(
        ["node", "-e", COMPILE], input=json.dumps(asked), capture_output=True, text=True, check=True, cwd=CONTRACTS
    )
    said = json.loads(ran.stdout[ran.stdout.index("{") :])
    if faults := [error["formattedMessage"] for error in said.get("errors", []) if error["severity"] == "error"]:
        raise SystemExit("\n".join(faults))
    contract = said["contracts"]["v.sol"]["Halo2Verifier"]
    return {"abi": contract["abi"], "bytecode": "0x" + contract["evm"]["bytecode"]["object"]}


def main() -> None:
    """Write the fixture."""
    FIXTURE.mkdir(exist_ok=True)
    write_model(FIXTURE / "tiny.onnx")
    make_srs(FIXTURE / "tiny.srs")
    with tempfile.TemporaryDirectory() as folder:
        circuit = compile_model(FIXTURE / "tiny.onnx", FIXTURE / "tiny.srs", Path(folder))
        for part in (circuit.compiled, circuit.settings):
            shutil.copy(part, FIXTURE)
        make_keys(circuit)
        source = Path(folder) / "verifier.sol"
        asyncio.run(write_source(circuit, source))
        (FIXTURE / "verifier.json").write_text(json.dumps(compiled(source.read_text())) + "\n")


if __name__ == "__main__":
    main()
