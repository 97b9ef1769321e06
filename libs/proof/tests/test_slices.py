"""A slice is what stands at that place of the blob of that digest, or it is refused."""

from functools import cache

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from assay.proof.lanes import CHUNK_BYTES, PARENT, ROOT, chunk_values, parent_values
from assay.proof.slices import PART_BYTES, SIZE_BYTES, open_slice, part_value, parts_shown, prove
from assay.schema.errors import Refused

SIZES = (1, 63, 64, 65, 1023, 1024, 1025, 2048, 3 * 1024 + 7, 5 * 1024, 8 * 1024, 13 * 1024 + 64)
LARGE = (PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, 3 * PART_BYTES + 5)


@cache
def blob_of(size: int) -> bytes:
    return blake3(size.to_bytes(8, "big")).digest(size)


def proof_of(blob: bytes, start: int, length: int) -> bytes:
    parts = [blob[at : at + PART_BYTES] for at in range(0, len(blob), PART_BYTES)]
    values = [part_value(part, index) for index, part in enumerate(parts)]
    shown = {index: parts[index] for index in parts_shown(len(blob), start, length)}
    return prove(len(blob), start, length, values, shown)


@st.composite
def cases(draw: st.DrawFn) -> tuple[bytes, int, int]:
    blob = blob_of(draw(st.sampled_from(SIZES)))
    start = draw(st.integers(0, len(blob) - 1))
    return blob, start, draw(st.integers(1, len(blob) - start))


def refusal(digest: str, start: int, length: int, proof: bytes) -> str:
    with pytest.raises(Refused) as refused:
        open_slice(digest, start, length, proof)
    return refused.value.code


@pytest.mark.parametrize("chunks", [2, 3, 7, 16, 33])
def test_the_values_of_chunks_and_parents_come_to_the_digest_of_the_whole(chunks: int) -> None:
    blob = blob_of(chunks * CHUNK_BYTES - 5)
    values = chunk_values(blob, range(chunks))
    level = [values[at : at + 32] for at in range(0, len(values), 32)]
    while len(level) > 2:
        pairs = [level[at : at + 2] for at in range(0, len(level), 2)]
        level = [parent_values(b"".join(pair)) if len(pair) == 2 else pair[0] for pair in pairs]
    assert parent_values(b"".join(level), PARENT | ROOT) == blake3(blob).digest()


@given(cases())
def test_any_slice_is_opened_against_the_digest_of_the_whole(case: tuple[bytes, int, int]) -> None:
    blob, start, length = case
    found = open_slice(blake3(blob).hexdigest(), start, length, proof_of(blob, start, length))
    assert found == (len(blob), blob[start : start + length])


@pytest.mark.parametrize("size", LARGE)
def test_a_slice_of_a_blob_of_several_parts_needs_those_that_it_touches_and_the_last(size: int) -> None:
    blob = blob_of(size)
    digest = blake3(blob).hexdigest()
    for start, length in ((0, 1), (size - 1, 1), (size // 2 - 700, 1400), (max(0, PART_BYTES - 3), 1)):
        proof = proof_of(blob, start, length)
        assert open_slice(digest, start, length, proof) == (size, blob[start : start + length])
        assert len(proof) <= SIZE_BYTES + 4 * CHUNK_BYTES + 64 * 3 * 12


@given(cases(), st.data())
def test_a_flipped_bit_of_slice_path_or_size_is_refused(case: tuple[bytes, int, int], data: st.DataObject) -> None:
    blob, start, length = case
    proof = bytearray(proof_of(blob, start, length))
    at = data.draw(st.one_of(st.integers(0, len(proof) - 1), st.integers(0, SIZE_BYTES - 1)))
    proof[at] ^= 1 << data.draw(st.integers(0, 7))
    assert refusal(blake3(blob).hexdigest(), start, length, bytes(proof)) in ("slice.unproven", "slice.range")


@given(cases(), st.integers(0, 2**14), st.integers(1, 2**14))
def test_a_proof_shows_nothing_else_at_another_place_or_length(
    case: tuple[bytes, int, int], start: int, length: int
) -> None:
    blob, *_ = case
    try:
        found = open_slice(blake3(blob).hexdigest(), start, length, proof_of(*case))
    except Refused as refused:
        assert refused.code in ("slice.unproven", "slice.range")
    else:
        # Slices of the same chunks have the same proof.
        assert found == (len(blob), blob[start : start + length])


@given(cases(), st.sampled_from(SIZES))
def test_the_size_of_the_whole_is_proven(case: tuple[bytes, int, int], size: int) -> None:
    blob, start, length = case
    if size != len(blob):
        proof = size.to_bytes(SIZE_BYTES, "little") + proof_of(blob, start, length)[SIZE_BYTES:]
        assert refusal(blake3(blob).hexdigest(), start, length, proof) in ("slice.unproven", "slice.range")


@given(cases(), st.data())
def test_a_proof_that_is_cut_or_goes_on_proves_nothing(case: tuple[bytes, int, int], data: st.DataObject) -> None:
    blob, start, length = case
    proof, digest = proof_of(blob, start, length), blake3(blob).hexdigest()
    cut = proof[: data.draw(st.integers(0, len(proof) - 1))]
    assert refusal(digest, start, length, cut) in ("slice.unproven", "slice.range")
    assert refusal(digest, start, length, proof + b"\0") == "slice.unproven"


@given(cases())
def test_the_slice_of_another_checkpoint_is_refused(case: tuple[bytes, int, int]) -> None:
    blob, start, length = case
    other = blake3(blob + b"another lease's").hexdigest()
    assert refusal(other, start, length, proof_of(blob, start, length)) == "slice.unproven"


@pytest.mark.parametrize("start", [-1, 2**63, 10**40, float("nan"), 1.0, True, None])
@pytest.mark.parametrize("length", [1, 0, -1, 2**64, float("inf")])
def test_places_and_lengths_that_cannot_be_are_refused(start: int, length: int) -> None:
    blob = blob_of(SIZES[-1])
    assert refusal(blake3(blob).hexdigest(), start, length, proof_of(blob, 0, 1)) == "slice.range"


def test_an_inner_node_passes_for_no_blob_of_its_own() -> None:
    blob = blob_of(4096)
    pair = proof_of(blob, 0, 1)[SIZE_BYTES : SIZE_BYTES + 64]
    forged = len(pair).to_bytes(SIZE_BYTES, "little") + pair
    assert refusal(blake3(blob).hexdigest(), 0, 64, forged) == "slice.unproven"
