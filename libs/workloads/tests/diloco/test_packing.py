"""Pseudo-gradients as bytes: near to what was sent, written in one way, and read with distrust."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from assay.workloads import BadCheckpoint, Diverged
from assay.workloads.diloco.codes import BLOCK
from assay.workloads.diloco.feedback import press_with
from assay.workloads.diloco.packing import HEAD, NAMES, pack, unpack

CODES = st.sampled_from(NAMES)
FLOATS = st.floats(-1e4, 1e4, width=32)
VECTORS = st.integers(1, 2 * BLOCK + 3).flatmap(lambda size: arrays(np.float32, size, elements=FLOATS, fill=FLOATS))
BITS = {"float32": 32, "int8": 8, "int4": 4, "int2": 2, "topk": 16 * 24 / BLOCK}


@settings(max_examples=40)
@given(VECTORS, CODES, st.integers(1, BLOCK))
def test_whatever_is_packed_can_be_read_and_is_written_in_one_way(values: Any, code: str, keep: int) -> None:
    packed = pack(values, code, keep)
    read = unpack(packed, len(values))
    assert read.shape == values.shape and read.dtype == np.float32
    assert pack(values.copy(), code, keep) == packed
    if code == "float32":
        assert (read == values).all()


@settings(max_examples=100)
@given(st.binary(max_size=80), CODES, st.integers(0, 700), st.integers(1, 700))
def test_a_reader_takes_anything_and_raises_one_error(body: bytes, code: str, keep: int, count: int) -> None:
    for data in (body, HEAD.pack(b"aspg1", NAMES.index(code), keep, count) + body):
        try:
            read = unpack(data, count)
        except BadCheckpoint:
            continue
        assert len(read) == count and np.isfinite(read).all()


@settings(max_examples=80)
@given(CODES, st.integers(0, 10**6), st.integers(1, 255), st.integers(0, 2**32 - 1))
def test_two_ways_to_write_do_not_mean_the_same(code: str, place: int, flip: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=BLOCK + 40).astype(np.float32)
    packed = bytearray(pack(values, code, 16))
    packed[place % len(packed)] ^= flip
    try:
        read = unpack(bytes(packed), len(values))
    except BadCheckpoint:
        return
    assert (read != unpack(pack(values, code, 16), len(values))).any()


def test_an_absurd_length_is_refused_before_anything_is_made_of_it() -> None:
    head = HEAD.pack(b"aspg1", NAMES.index("int2"), 0, 2**63)
    with pytest.raises(BadCheckpoint, match="not of the 100 weights"):
        unpack(head + bytes(100), 100)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e5])
def test_what_no_honest_weight_does_is_neither_sent_nor_taken(bad: float) -> None:
    with pytest.raises(Diverged):
        pack(np.array([1.0, bad], np.float32), "int4")
    raw = HEAD.pack(b"aspg1", 0, 0, 2) + np.array([1.0, bad], "<f4").tobytes()
    with pytest.raises(BadCheckpoint):
        unpack(raw, 2)
    scaled = bytearray(pack(np.ones(BLOCK, np.float32), "int4"))
    scaled[HEAD.size : HEAD.size + 4] = np.array([bad], "<f4").tobytes()
    with pytest.raises(BadCheckpoint):
        unpack(bytes(scaled), BLOCK)


@pytest.mark.parametrize("code", NAMES)
def test_each_code_is_as_small_and_as_near_as_it_says(code: str) -> None:
    values = np.random.default_rng(1).normal(size=100 * BLOCK).astype(np.float32)
    packed = pack(values, code, 16)
    assert 8 * (len(packed) - HEAD.size) <= len(values) * (BITS[code] + 32 / BLOCK)
    error = np.square(unpack(packed, len(values)) - values).mean()
    assert error < {"float32": 1e-12, "int8": 1e-3, "int4": 0.05, "int2": 0.13, "topk": 0.85}[code]


@settings(max_examples=30)
@given(CODES, st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_error_feedback_keeps_the_sum(code: str, seed: int, rounds: int) -> None:
    random = np.random.default_rng(seed)
    sent, meant, carried = np.zeros(700), np.zeros(700), None
    for _ in range(rounds):
        values = random.standard_t(3, size=700).astype(np.float32).clip(-50, 50)
        packed, carried = press_with(values, carried, code, 8)
        sent += unpack(packed, 700)
        meant += values
    assert carried is not None and np.abs(sent + carried - meant).max() < 1e-3
