"""Proofs that a circuit's model gives these outputs for these inputs."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay.workloads.errors import WorkloadError
from assay.workloads.zk.circuit import SCALE, Circuit, ezkl

PROOF_BYTES_MAX: Final = 2**18
FELT_HEX: Final = 64


class BadProof(WorkloadError):
    """The proof does not show what it claims."""

    code = "zk.bad_proof"
    advice = "Whoever signed it is at fault: nothing of it can be believed."


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof as it travels, and the outputs that it claims."""

    data: bytes
    outputs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class EvmCall:
    """The arguments of the contract's `verifyProof(bytes,uint256[])`."""

    proof: bytes
    instances: tuple[int, ...]


def prove(circuit: Circuit, inputs: Sequence[float]) -> Proof:
    """The proof of what the model gives for the inputs. Raises BadProof if they do not fit the circuit."""
    prover = ezkl()
    with tempfile.TemporaryDirectory() as folder:
        asked, witness, proof = (Path(folder) / name for name in ("inputs", "witness", "proof"))
        asked.write_text(json.dumps({"input_data": [list(inputs)]}))
        try:
            prover.gen_witness(str(asked), str(circuit.compiled), str(witness))
            files = map(str, (witness, circuit.compiled, circuit.proving_key, proof, circuit.srs))
            prover.prove(*files)
        except RuntimeError as error:
            raise BadProof(f"{error}") from None
        data = proof.read_bytes()
    return Proof(data, _outputs(circuit, _instances(data)))


def check(circuit: Circuit, data: bytes, inputs: Sequence[float]) -> tuple[float, ...]:
    """The outputs that are proven for these very inputs; needs no proving key. Raises BadProof."""
    if len(data) > PROOF_BYTES_MAX:
        raise BadProof(f"{len(data)} of at most {PROOF_BYTES_MAX} bytes.")
    prover, felts = ezkl(), _instances(data)
    shape = circuit.shape
    if len(felts) != shape.inputs + shape.outputs or len(inputs) != shape.inputs:
        raise BadProof(f"{len(felts)} public numbers; the circuit has {shape.inputs} + {shape.outputs}.")
    if felts[: shape.inputs] != [prover.float_to_felt(number, SCALE) for number in inputs]:
        raise BadProof("It is about other inputs.")
    with tempfile.TemporaryDirectory() as folder:
        proof = Path(folder) / "proof"
        proof.write_bytes(data)
        try:
            files = map(str, (proof, circuit.settings, circuit.verification_key, circuit.srs))
            is_proven = prover.verify(*files)
        except RuntimeError as error:
            raise BadProof(f"{error}") from None
    if not is_proven:
        raise BadProof("The equations do not hold.")
    return _outputs(circuit, felts)


def evm_call(data: bytes) -> EvmCall:
    """What a contract is called with to check the proof. Raises BadProof."""
    felts = [int.from_bytes(bytes.fromhex(felt), "little") for felt in _instances(data)]
    return EvmCall(bytes.fromhex(_read(data)["hex_proof"].removeprefix("0x")), tuple(felts))


def _outputs(circuit: Circuit, felts: list[str]) -> tuple[float, ...]:
    prover, scales = ezkl(), json.loads(circuit.settings.read_text())["model_output_scales"]
    outputs = felts[circuit.shape.inputs :]
    return tuple(prover.felt_to_float(felt, scales[0]) for felt in outputs)


def _instances(data: bytes) -> list[str]:
    """The public numbers of a proof, each as 64 hex digits."""
    groups = _read(data).get("instances")
    felts = groups[0] if isinstance(groups, list) and len(groups) == 1 and isinstance(groups[0], list) else None
    if felts is None or not all(isinstance(felt, str) and len(felt) == FELT_HEX for felt in felts):
        raise BadProof("Its public numbers cannot be read.")
    return felts


def _read(data: bytes) -> dict[str, Any]:
    try:
        read = json.loads(data)
    except ValueError:
        raise BadProof("It is no proof.") from None
    if not isinstance(read, dict):
        raise BadProof("It is no proof.")
    return read
