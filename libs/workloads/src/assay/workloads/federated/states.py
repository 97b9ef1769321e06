"""The federation's state as a safetensors file: weights, what the server remembers, and what was said of the turn."""

import json
from typing import Any

import numpy as np

from assay.proof.digest import blob_digest
from assay.workloads.checkpoint import check_layout, read_tensors, write_tensors
from assay.workloads.errors import BadCheckpoint, BadData
from assay.workloads.federated import perceptron
from assay.workloads.federated.forms import BEGIN
from assay.workloads.federated.params import MemberParams, StepParams
from assay.workloads.federated.strategies import Global, begin
from assay.workloads.workload import Inputs

WEIGHTS, FIRST, SECOND, SAID = "weights", "first", "second", "assay"


def write_state(state: Global, said: dict[str, Any]) -> bytes:
    """Return a state as bytes."""
    line = json.dumps(said, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return write_tensors({FIRST: state.first, SECOND: state.second, WEIGHTS: state.weights}, {SAID: line})


def read_state(data: bytes, size: int | None = None) -> Global:
    """Return the state in a file. Raises BadCheckpoint."""
    tensors = read_tensors(data)
    size = len(tensors.get(WEIGHTS, ())) if size is None else size
    check_layout(tensors, {FIRST: (size,), SECOND: (size,), WEIGHTS: (size,)})
    if (tensors[SECOND] < 0).any():
        raise BadCheckpoint("A second moment is below zero.")
    return Global(tensors[WEIGHTS], tensors[FIRST], tensors[SECOND])


def open_state(params: MemberParams | StepParams, inputs: Inputs) -> Global:
    """Return the state that a job starts from. Raises BadData, InputMissing."""
    if params.model is None:
        return begin(perceptron.begin(params.layers, params.start_seed).astype(np.float32))
    try:
        return read_state(inputs.read(params.model), params.weights)
    except BadCheckpoint as error:
        raise BadData(f"The model does not fit: {error.detail}") from None


def digest(state: bytes) -> str:
    """Return the digest of a state's bytes: they are written in one way. Raises BadCheckpoint."""
    if state != BEGIN:
        read_state(state)
    return blob_digest(state)
