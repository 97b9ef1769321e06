"""Checkpoints as safetensors: read with distrust, written the same way every time, digested and compared.

A fine-tuning checkpoint holds three groups of float32 tensors (adapter, first and second moments of AdamW) and a step.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from assay.proof.digest import state_digest
from assay.workloads.errors import BadCheckpoint

HEADER_BYTES_MAX = 1 << 20
LENGTH_BYTES = 8
DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "I64": np.dtype("<i8")}
STEP = "step"
ADAPTER, FIRST, SECOND = GROUPS = ("adapter.", "exp_avg.", "exp_avg_sq.")

Tensors = dict[str, NDArray[Any]]
Shapes = dict[str, tuple[int, ...]]


def read_tensors(data: bytes) -> Tensors:
    """Return the tensors of a safetensors file by name. Raises BadCheckpoint for any doubt about the file."""
    header_bytes = int.from_bytes(data[:LENGTH_BYTES], "little")
    if len(data) < LENGTH_BYTES or not 0 < header_bytes <= min(HEADER_BYTES_MAX, len(data) - LENGTH_BYTES):
        raise BadCheckpoint("The file's header is missing, or larger than the file or the limit of 1 MiB.")
    try:
        parts = deserialize(data)  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise BadCheckpoint(f"The file is not valid safetensors ({error}).") from error
    return {name: read_tensor(name, part) for name, part in sorted(parts)}


def read_tensor(name: str, part: Mapping[str, Any]) -> NDArray[Any]:
    """Return one tensor. Raises BadCheckpoint unless its type is allowed and its values are finite."""
    if part["dtype"] not in DTYPES:
        raise BadCheckpoint(f"The tensor {name} has the type {part['dtype']}; only {', '.join(DTYPES)} are allowed.")
    values: NDArray[Any] = np.frombuffer(part["data"], DTYPES[part["dtype"]]).reshape(part["shape"])
    if not np.isfinite(values).all():
        raise BadCheckpoint(f"The tensor {name} has values that are not finite.")
    return values


def read_checkpoint(data: bytes, shapes: Shapes | None = None) -> Tensors:
    """Return a checkpoint's tensors, of exactly these adapter shapes where they are given. Raises BadCheckpoint."""
    tensors = read_tensors(data)
    expected = shapes if shapes is not None else adapter_shapes(tensors)
    check_layout(tensors, {group + name: shape for name, shape in expected.items() for group in GROUPS} | {STEP: (1,)})
    if any((values < 0).any() for name, values in tensors.items() if name.startswith((SECOND, STEP))):
        raise BadCheckpoint("The step or a second moment is negative.")
    return tensors


def check_layout(tensors: Tensors, shapes: Shapes) -> None:
    """Raise BadCheckpoint unless the tensors have exactly these names and shapes, and float32 but for the step."""
    if odd := sorted(tensors.keys() ^ shapes.keys()):
        raise BadCheckpoint(f"{len(odd)} tensors are missing or not expected, the first is {odd[0]}.")
    for name, values in tensors.items():
        if values.shape != shapes[name] or values.dtype != DTYPES["I64" if name == STEP else "F32"]:
            raise BadCheckpoint(f"The tensor {name} is {values.dtype}{list(values.shape)}, not {list(shapes[name])}.")


def check_step(tensors: Tensors, step: int) -> None:
    """Raise BadCheckpoint unless the checkpoint was taken after this many steps."""
    if (found := int(tensors[STEP][0])) != step:
        raise BadCheckpoint(f"The checkpoint was taken after {found} steps, but this segment begins after {step}.")


def adapter_shapes(tensors: Tensors) -> Shapes:
    """Return the shapes of what is trained, by name."""
    return {name.removeprefix(ADAPTER): values.shape for name, values in tensors.items() if name.startswith(ADAPTER)}


def write_tensors(tensors: Tensors, metadata: dict[str, str] | None = None) -> bytes:
    """Return a safetensors file; at most one entry of metadata, for the order of more is not fixed."""
    return save({name: np.ascontiguousarray(values) for name, values in tensors.items()}, metadata)


def digest_of(tensors: Tensors) -> str:
    """Return the Merkle root over the tensors in name order."""
    names = {dtype: name for name, dtype in DTYPES.items()}
    return state_digest((name, names[t.dtype], t.shape, t.data) for name, t in tensors.items())


def distance_between(a: Tensors, b: Tensors, start: Tensors) -> float:
    """Return the largest of the groups' ‖a - b‖ / ‖a - start‖; infinite for another step.

    By group, because second moments are so small that a sum over all would hide any change to them.
    Raises BadCheckpoint unless the three have the same tensors.
    """
    for other in (b, start):
        check_layout(other, {name: values.shape for name, values in a.items()})
    if a[STEP] != b[STEP]:
        return math.inf
    return max(group_distance(group, a, b, start) for group in GROUPS)


def group_distance(group: str, a: Tensors, b: Tensors, start: Tensors) -> float:
    """Return ‖a - b‖ / ‖a - start‖ over one group of tensors."""
    apart, way = norm_of_difference(group, a, b), norm_of_difference(group, a, start)
    if apart == 0:
        return 0.0
    return apart / way if way else math.inf


def norm_of_difference(group: str, a: Tensors, b: Tensors) -> float:
    """Return the Euclidean norm of a - b over one group, summed in float64."""
    pairs = ((a[name].astype(np.float64), b[name]) for name in a if name.startswith(group))
    return math.sqrt(math.fsum(float(np.square(left - right).sum()) for left, right in pairs))
