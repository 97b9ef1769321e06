"""Checkpoints from strangers: what is refused, and how two are compared."""

import json
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from assay.workloads import BadCheckpoint
from assay.workloads.checkpoint import (
    HEADER_BYTES_MAX,
    Tensors,
    digest_of,
    distance_between,
    read_checkpoint,
    read_tensors,
    write_tensors,
)

SHAPES = {"a": (2, 3), "b": (4,)}


def checkpoint(scale: float = 1.0, step: int = 5) -> Tensors:
    tensors: Tensors = {"step": np.array([step], "<i8")}
    for group in ("adapter.", "exp_avg.", "exp_avg_sq."):
        tensors |= {group + n: np.full(s, scale, "<f4") for n, s in SHAPES.items()}
    return tensors


def changed(name: str, values: np.ndarray | None) -> bytes:
    tensors = {**checkpoint(), name: values}
    return save({name: value for name, value in tensors.items() if value is not None})


def headed(header: bytes, rest: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + rest


def header_of(**tensor: object) -> bytes:
    return headed(json.dumps({"x": tensor}).encode(), bytes(8))


HOSTILE: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "a header that is not there": lambda: (100).to_bytes(8, "little"),
    "a header over the limit": lambda: headed(b" " * (HEADER_BYTES_MAX + 1)),
    "a header of no bytes": lambda: bytes(8),
    "a header that is not JSON": lambda: headed(b"{" * 64),
    "a header nested too deep": lambda: headed(b'{"x":' + b"[" * 5000),
    "a pickle": lambda: b"\x80\x04\x95" + bytes(60),
    "offsets outside of the file": lambda: header_of(dtype="F32", shape=[2], data_offsets=[0, 1 << 40]),
    "a shape that does not fit its bytes": lambda: header_of(dtype="F32", shape=[1 << 40], data_offsets=[0, 8]),
    "bytes that no tensor owns": lambda: header_of(dtype="F32", shape=[1], data_offsets=[0, 4]),
    "a type that is not allowed": lambda: header_of(dtype="F16", shape=[4], data_offsets=[0, 8]),
    "a cut file": lambda: write_tensors(checkpoint())[:-4],
    "not a number": lambda: changed("adapter.a", np.full((2, 3), np.nan, "<f4")),
    "infinity": lambda: changed("exp_avg.b", np.full(4, np.inf, "<f4")),
    "a negative second moment": lambda: changed("exp_avg_sq.b", np.full(4, -1, "<f4")),
    "a negative step": lambda: changed("step", np.array([-1], "<i8")),
    "another shape": lambda: changed("adapter.a", np.zeros((3, 2), "<f4")),
    "integers for weights": lambda: changed("adapter.b", np.zeros(4, "<i8")),
    "a missing tensor": lambda: changed("exp_avg.a", None),
    "no step": lambda: changed("step", None),
    "one tensor too many": lambda: changed("adapter.c", np.zeros(4, "<f4")),
    "a name of no group": lambda: changed("weights", np.zeros(4, "<f4")),
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_checkpoint_is_refused(hostile: Callable[[], bytes]) -> None:
    with pytest.raises(BadCheckpoint) as refused:
        read_checkpoint(hostile(), SHAPES)
    assert refused.value.code == "workload.bad_checkpoint"


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_or_read_never_a_crash(data: bytes) -> None:
    with pytest.raises(BadCheckpoint):
        read_checkpoint(data)


def test_a_checkpoint_is_read_as_it_was_written() -> None:
    data = write_tensors(checkpoint())
    assert write_tensors(read_checkpoint(data, SHAPES)) == data


def test_the_digest_is_of_the_tensors_and_not_of_the_file() -> None:
    tensors = checkpoint()
    other_file = save(tensors, metadata={"by": "somebody"})
    assert other_file != write_tensors(tensors)
    assert digest_of(read_tensors(other_file)) == digest_of(tensors)
    tensors["exp_avg.a"] = tensors["exp_avg.a"] + np.float32(1e-7)
    assert digest_of(read_tensors(other_file)) != digest_of(tensors)


def test_the_distance_is_measured_in_the_way_from_the_start() -> None:
    start, honest = checkpoint(0.0), checkpoint(1.0)
    assert distance_between(honest, checkpoint(1.0), start) == 0
    assert distance_between(honest, checkpoint(0.75), start) == pytest.approx(0.25)
    assert distance_between(honest, start, start) == pytest.approx(1)


def test_a_change_in_tiny_second_moments_is_not_hidden_by_large_weights() -> None:
    start, honest, cheat = checkpoint(0.0), checkpoint(1.0), checkpoint(1.0)
    for tensors, scale in ((honest, 1e-12), (cheat, 2e-12)):
        tensors |= {name: values * np.float32(scale) for name, values in tensors.items() if "_sq" in name}
    assert distance_between(honest, cheat, start) == pytest.approx(1)


def test_another_step_is_infinitely_far_and_so_is_any_move_where_none_was_due() -> None:
    assert distance_between(checkpoint(), checkpoint(step=6), checkpoint(0.0)) == math.inf
    assert distance_between(checkpoint(), checkpoint(1.5), checkpoint()) == math.inf


def test_checkpoints_of_unlike_jobs_have_no_distance() -> None:
    other = {name: values for name, values in checkpoint().items() if not name.endswith("b")}
    with pytest.raises(BadCheckpoint, match="missing or not expected"):
        distance_between(checkpoint(), other, checkpoint())
