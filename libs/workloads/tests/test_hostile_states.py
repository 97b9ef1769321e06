"""Checkpoints as strangers may write them: whatever the bytes, each kind of work has their digest or refuses them.

Anything else that was raised would be taken for a fault of the machine that looks, and nobody would answer for it.
"""

import json
import struct
from contextlib import suppress
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.workloads import WORKLOADS, BadCheckpoint
from assay.workloads.diloco import packing
from assay.workloads.federated import forms
from assay.workloads.generate import state as written

KINDS: Final = {work.kind: work for work in WORKLOADS}
NUMBERS: Final = ("NaN", "Infinity", "-Infinity", "1e400", "1" * 5_000, "null", "[]", "{}", '"\\ud800"')
BEGINNINGS: Final = (
    *(b"", written.MAGIC, b"assay.render.001", b"assay.command.01", packing.MAGIC, b"aspk1"),
    *(forms.BEGIN, b"assay.diloco.begin.1", b"{"),
)
SHAPES: Final = ([], [0], [16], [2**62, 4], [-1])


def tensors(shape: list[int], dtype: str, body: bytes) -> bytes:
    """A safetensors file of one tensor, which says this of itself."""
    head = json.dumps({"step": {"dtype": dtype, "shape": shape, "data_offsets": [0, len(body)]}}).encode()
    return struct.pack("<Q", len(head)) + head + body


ABSURD: Final = (
    *(b'{"a":%s}' % number.encode() for number in NUMBERS),
    *(tensors(shape, dtype, fill * 64) for shape in SHAPES for dtype in ("F32", "I64") for fill in (b"\xff", b"\0")),
    *(beginning + fill * size for beginning in BEGINNINGS for fill in (b"\xff", b"\0") for size in (4, 32, 200)),
    *(b"[" * 100_000, b'{"a":' * 50_000, struct.pack("<Q", 2**63) + b"{}"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_absurd_bytes_have_a_digest_or_are_refused(kind: str) -> None:
    for state in ABSURD:
        with suppress(BadCheckpoint):
            assert len(KINDS[kind].digest(state)) == 64


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(BEGINNINGS), st.binary(max_size=300))
def test_any_bytes_have_a_digest_or_are_refused(kind: str, beginning: bytes, rest: bytes) -> None:
    with suppress(BadCheckpoint):
        assert len(KINDS[kind].digest(beginning + rest)) == 64


@pytest.mark.parametrize("number", NUMBERS)
def test_an_update_with_a_number_that_is_none_is_refused_by_all_who_read_it(number: str) -> None:
    head = '{"delta":null,"epsilon":%s,"place":0,"said":"update","session":null,"size":1,"turn":0}\n'
    if number == "null":
        assert forms.read_update((head % number).encode() + bytes(4))[0].epsilon is None
        return
    with pytest.raises(BadCheckpoint):
        forms.read_update((head % number).encode() + bytes(4))
