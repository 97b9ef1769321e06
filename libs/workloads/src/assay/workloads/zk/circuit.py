"""A model as a circuit: what prover and verifier agree on before anything is proven."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from assay.proof.digest import blake3_hex
from assay.workloads.errors import ModelUnsupported, WorkloadError

LOG_ROWS: Final = 12
"""The circuit has 2**LOG_ROWS rows: fixed, so that one reference string serves every model that fits."""
SCALE: Final = 7
"""Numbers are fixed-point with this many fractional bits."""


class ZkMissing(WorkloadError):
    """The prover is not installed here."""

    code = "zk.missing"
    advice = "Install the extra that brings it: pip install 'assay[zk]'."


@dataclass(frozen=True, slots=True)
class Shape:
    """How many numbers go into the model and come out."""

    inputs: int
    outputs: int


@dataclass(frozen=True, slots=True)
class Circuit:
    """A folder with a compiled circuit, its settings and its verification key."""

    folder: Path
    srs: Path

    @property
    def compiled(self) -> Path:
        return self.folder / "circuit"

    @property
    def settings(self) -> Path:
        return self.folder / "settings.json"

    @property
    def verification_key(self) -> Path:
        return self.folder / "verification.key"

    @property
    def proving_key(self) -> Path:
        return self.folder / "proving.key"

    @property
    def digest(self) -> str:
        """What names the circuit: the digest of its verification key, which binds model, weights and settings."""
        return blake3_hex(self.verification_key.read_bytes())

    @property
    def shape(self) -> Shape:
        """How many public numbers it has."""
        inputs, outputs = json.loads(self.settings.read_text())["model_instance_shapes"]
        return Shape(_count(inputs), _count(outputs))


def ezkl() -> Any:
    """The prover. Raises ZkMissing."""
    try:
        return import_module("ezkl")
    except ImportError:
        raise ZkMissing from None


def make_srs(path: Path) -> None:
    """Write a reference string of one's own: whoever makes it could forge proofs, so it is for tests and devnets."""
    ezkl().gen_srs(str(path), LOG_ROWS)


def compile_model(model: Path, srs: Path, folder: Path) -> Circuit:
    """The circuit of an ONNX model, with fixed weights and public inputs and outputs; its keys are still to be made.

    One party does this and the folder travels: the prover orders its tables by chance, so that two compilations of one
    model are two circuits. Raises ModelUnsupported for a model that the prover does not take.
    """
    prover, circuit = ezkl(), Circuit(folder, srs)
    folder.mkdir(parents=True, exist_ok=True)
    with _refusals():
        prover.gen_settings(str(model), str(circuit.settings), py_run_args=_arguments(prover))
        prover.compile_circuit(str(model), str(circuit.compiled), str(circuit.settings))
    return circuit


def make_keys(circuit: Circuit) -> None:
    """Write both keys of a compiled circuit: whoever does it gets the same bytes.

    Raises ModelUnsupported for a circuit that has more than 2**LOG_ROWS rows.
    """
    with _refusals():
        ezkl().setup(*map(str, (circuit.compiled, circuit.verification_key, circuit.proving_key, circuit.srs)))


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise ModelUnsupported(f"{error}") from None


def _arguments(prover: Any) -> Any:
    arguments = prover.PyRunArgs()
    arguments.input_visibility = arguments.output_visibility = "public"
    arguments.param_visibility = "fixed"
    arguments.input_scale = arguments.param_scale = SCALE
    arguments.logrows = LOG_ROWS
    return arguments


def _count(shape: list[int]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product
