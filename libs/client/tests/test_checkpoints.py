"""A tensor of a checkpoint is shown as it was committed to, sealed or not, and never as somebody else says."""

import json
import struct
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save
from tests.played import DOMAIN, NOW_MS

from assay.bus.parts import PART_BYTES
from assay.client.checkpoints import Checkpoint, committed_of
from assay.client.commands.checkpoints import part_of, values_of
from assay.client.errors import BadInput
from assay.client.tensors import file_of, header_bytes, tensors_of
from assay.proof.digest import blob_digest
from assay.proof.job_seal import seal_job
from assay.proof.keys import Key
from assay.proof.slices import Slice, open_slice, part_value, parts_shown, prove
from assay.proof.statement import sign_event
from assay.schema.errors import Refused
from assay.schema.event import Envelope
from assay.schema.lease import LeaseCommitted
from assay.schema.values import NO_DIGEST, Role, derive_id, participant_id

TENSORS = {
    "adapter.q": np.arange(400 * 576, dtype="<f4").reshape(400, 576),
    "adapter.v": np.array([[np.nan, np.inf], [-1.5, 2.0]], "<f4"),
    "step": np.array([70], "<i8"),
}
FILE = save(TENSORS, {"format": "pt"})
KEY, JOB = bytes(range(32)), derive_id("j", 1)
PROVIDER = Key.generate()
PROVIDER_ID = participant_id(Role.PROVIDER, PROVIDER.address)


class Door:
    """Slices of one blob, by the gateway's own sums; and how many bytes of proofs have travelled."""

    def __init__(self, blob: bytes) -> None:
        self.blob, self.travelled = blob, 0
        self.parts = [blob[at : at + PART_BYTES] for at in range(0, len(blob), PART_BYTES)]
        self.values = [part_value(part, index) for index, part in enumerate(self.parts)]

    async def size(self, digest: str) -> int:
        return len(self.blob)

    async def slice(self, digest: str, start: int, length: int) -> Slice:
        shown = {index: self.parts[index] for index in parts_shown(len(self.blob), start, length)}
        proof = prove(len(self.blob), start, length, self.values, shown)
        self.travelled += len(proof)
        return open_slice(digest, start, length, proof)


def committed(blob: bytes, segment: int = 0, fence: int = 1, **other: Any) -> LeaseCommitted:
    names = {"lease_id": derive_id("l", 1), "job_id": JOB, "provider": PROVIDER_ID, "fence": fence, "units": 1}
    digests = dict.fromkeys(("state_in", "state_out", "previous", "commitment"), NO_DIGEST)
    return LeaseCommitted(**names | digests | other, segment=segment, checkpoint=blob_digest(blob), compute_ms=1)


def signed(event: LeaseCommitted, key: Key = PROVIDER) -> Envelope[Any]:
    return sign_event(key, DOMAIN, event, event.provider, NOW_MS)


async def events(*said: Envelope[Any]) -> AsyncIterator[Envelope[Any]]:
    for each in said:
        yield each


def checkpoint_of(is_sealed: bool) -> tuple[Checkpoint, Door]:
    blob = seal_job(KEY, FILE) if is_sealed else FILE
    door: Any = Door(blob)
    return Checkpoint(door, committed(blob), KEY if is_sealed else None), door


@pytest.mark.parametrize("is_sealed", [False, True])
async def test_tensors_and_rows_of_them_are_those_of_the_file(is_sealed: bool) -> None:
    checkpoint, _ = checkpoint_of(is_sealed)
    tensors = await checkpoint.tensors()
    assert {name: (each.shape, each.dtype) for name, each in tensors.items()} == {
        "adapter.q": ((400, 576), "F32"),
        "adapter.v": ((2, 2), "F32"),
        "step": ((1,), "I64"),
    }
    for name, values in TENSORS.items():
        found = load(file_of(tensors[name], await checkpoint.data(tensors[name])))
        assert np.array_equal(found[name], values, equal_nan=name == "adapter.v")
    # These rows lie on both sides of a part's end, and of a sealed piece's.
    rows = tensors["adapter.q"].rows(220, 235)
    assert np.array_equal(
        np.frombuffer(await checkpoint.data(rows), "<f4").reshape(15, 576), TENSORS[rows.name][220:235]
    )


async def test_rows_travel_without_the_rest() -> None:
    checkpoint, door = checkpoint_of(is_sealed=False)
    rows = (await checkpoint.tensors())["adapter.q"].rows(100, 101)
    await checkpoint.data(rows)
    assert door.travelled < 20_000 < len(FILE) / 40


async def test_of_a_large_tensor_only_the_elements_travel_that_are_shown() -> None:
    checkpoint, door = checkpoint_of(is_sealed=False)
    tensors = await checkpoint.tensors()
    assert values_of(tensors["adapter.q"], await checkpoint.data(tensors["adapter.q"], 64)) == [*range(64)]
    assert len(await checkpoint.data(tensors["step"], 64)) == 8 and door.travelled < 20_000


async def test_another_key_opens_nothing() -> None:
    checkpoint, door = checkpoint_of(is_sealed=True)
    other = Checkpoint(door, checkpoint.committed, bytes(32))
    with pytest.raises(Refused, match=r"blob\.unopened"):
        await other.tensors()


async def test_what_is_no_number_of_json_is_shown_as_text() -> None:
    checkpoint, _ = checkpoint_of(is_sealed=False)
    tensor = (await checkpoint.tensors())["adapter.v"]
    assert values_of(tensor, await checkpoint.data(tensor)) == ["nan", "inf", -1.5, 2.0]


async def test_the_last_commitment_counts_or_that_of_the_segment_that_is_named() -> None:
    first, second, again = (committed(b"%d" % at, at, fence) for at, fence in ((0, 1), (1, 1), (1, 2)))
    other = committed(b"other", 5, job_id=derive_id("j", 2))
    said = [signed(each) for each in (first, again, second, other)]
    assert await committed_of(events(*said), DOMAIN, JOB, None) == again
    assert await committed_of(events(*said), DOMAIN, JOB, 0) == first
    with pytest.raises(Refused, match=r"blob\.missing"):
        await committed_of(events(*said), DOMAIN, JOB, 2)


async def test_a_commitment_that_its_provider_did_not_sign_counts_for_nothing() -> None:
    for said in (signed(committed(FILE), Key.generate()), Envelope.wrap(committed(FILE), PROVIDER_ID, NOW_MS)):
        with pytest.raises(Refused, match=r"event\.(forged|unsigned)"):
            await committed_of(events(said), DOMAIN, JOB, None)
    stranger = Key.generate()
    said = sign_event(stranger, DOMAIN, committed(FILE), participant_id(Role.PROVIDER, stranger.address), NOW_MS)
    with pytest.raises(Refused, match=r"event\.forged"):
        await committed_of(events(said), DOMAIN, JOB, None)


@pytest.mark.parametrize(
    "entry",
    [
        *({"dtype": "F32", "shape": shape, "data_offsets": [0, 16]} for shape in ([5], [-1], [2**50, 2], [1.5], "4")),
        *({"dtype": "F32", "shape": [4], "data_offsets": at} for at in ([0, 17], [16, 0], [4, 20], [-16, 0], [0])),
        *({"dtype": kind, "shape": [4], "data_offsets": [0, 16]} for kind in ("F64", "X", None)),
        {"dtype": "X", "shape": [0], "data_offsets": [0, 0]},
        *(None, [], 4, "x"),
    ],
)
def test_a_header_that_says_what_cannot_be_is_refused(entry: object) -> None:
    header = json.dumps({"w": entry}).encode()
    with pytest.raises(BadInput):
        tensors_of(header, 8 + len(header) + 16)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_header_or_are_refused(data: bytes) -> None:
    try:
        header_bytes(data[:8], len(data))
        tensors_of(data[8:], len(data))
    except BadInput:
        return


@pytest.mark.parametrize("rows", ["1", "2:1", "0:3", "-1:1", "1:1", "a:b", "0:" + "9" * 30, "٠:١"])
def test_rows_that_are_not_there_are_refused(rows: str) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}).encode()
    tensors = tensors_of(header, 8 + len(header) + 16)
    assert part_of(tensors, "w", "1:2")[2:] == ((1, 2), 8 + len(header) + 8)
    for name, said in (("w", rows), ("v", None)):
        with pytest.raises(BadInput):
            part_of(tensors, name, said)


def test_a_scalar_is_one_row() -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]}}).encode()
    scalar = tensors_of(header, 8 + len(header) + 4)["w"].rows(0, 1)
    assert (scalar.row_count * scalar.row_bytes, scalar.values(struct.pack("<f", 0.5))) == (4, [0.5])
