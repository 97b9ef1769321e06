"""What a job makes: sealed alike by whoever has its key, read by nobody else, and nothing but so sealed is taken."""

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from assay.proof import job_seal
from assay.proof.job_seal import MARK_BYTES, name_of, seal_job, unseal_job
from assay.proof.sealed import KEY_BYTES, TAG_BYTES, seal
from assay.schema.errors import Refused

PIECE = 64
WHOLE = PIECE + MARK_BYTES + TAG_BYTES
KEY, OTHER = bytes(range(KEY_BYTES)), bytes(KEY_BYTES)
contents = st.binary(max_size=4 * PIECE)
keys = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)


@pytest.fixture(scope="module", autouse=True)
def small_pieces() -> object:
    """Pieces of which an example has several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job_seal, "PIECE_BYTES", PIECE)
        patch.setattr(job_seal, "SEALED_PIECE_BYTES", WHOLE)
        yield


def pieces_of(blob: bytes) -> list[bytes]:
    return [blob[at : at + WHOLE] for at in range(0, len(blob), WHOLE)]


@given(contents, keys)
def test_whoever_has_the_key_comes_to_the_same_bytes_and_reads_them_again(content: bytes, key: bytes) -> None:
    blob = seal_job(key, content)
    assert seal_job(bytes(key), bytes(content)) == blob and unseal_job(key, blob) == content
    assert len(content) < 8 or content not in blob
    with pytest.raises(Refused, match=r"blob\.unopened"):
        unseal_job(bytes([key[0] ^ 1]) + key[1:], blob)


@given(contents, st.data())
def test_what_was_cut_off_lengthened_or_changed_anywhere_is_refused(content: bytes, data: st.DataObject) -> None:
    blob = seal_job(KEY, content)
    at = data.draw(st.integers(0, len(blob) - 1))
    changed = bytearray(blob)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    for other in (blob[:at], bytes(changed), blob + b"\0", b"", content):
        with pytest.raises(Refused, match=r"blob\.unopened"):
            unseal_job(KEY, other)


@given(st.lists(st.binary(min_size=PIECE, max_size=PIECE), min_size=2, max_size=5), st.data())
def test_of_two_contents_those_pieces_are_stored_alike_that_are_alike_at_the_same_place(
    pieces: list[bytes], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(pieces) - 1))
    changed = [*pieces[:at], bytes([pieces[at][0] ^ 1]) + pieces[at][1:], *pieces[at + 1 :]]
    one, other = (pieces_of(seal_job(KEY, b"".join(each))) for each in (pieces, changed))
    assert [a == b for a, b in zip(one, other, strict=True)] == [number != at for number in range(len(pieces))]


@given(st.binary(min_size=PIECE, max_size=PIECE))
def test_equal_pieces_look_different_at_another_place_and_under_another_key(piece: bytes) -> None:
    stored = [*pieces_of(seal_job(KEY, 3 * piece)), *pieces_of(seal_job(OTHER, 3 * piece))]
    assert len(set(stored)) == len(stored)


@given(st.permutations(range(3)).filter(lambda order: order != [0, 1, 2]))
def test_pieces_that_changed_places_are_refused(order: list[int]) -> None:
    pieces = pieces_of(seal_job(KEY, bytes(3 * PIECE)))
    with pytest.raises(Refused, match=r"blob\.unopened"):
        unseal_job(KEY, b"".join(pieces[at] for at in order))


def test_who_has_the_key_cannot_store_one_content_in_two_ways() -> None:
    """A mark of one's own choice would make another blob of the same content."""
    mark = bytes(MARK_BYTES)
    _, keying = job_seal._keys(KEY)
    blob = mark + seal(blake3(mark, key=keying).digest(), 0, True, b"content")
    with pytest.raises(Refused, match="not sealed as it should be"):
        unseal_job(KEY, blob)


@given(st.integers(1, 3))
def test_nor_by_an_empty_piece_behind_the_last(count: int) -> None:
    content = bytes(count * PIECE)
    longer = seal_job(KEY, content + b"x")[: count * WHOLE] + sealed_piece(count, True, b"")
    with pytest.raises(Refused, match="not sealed as it should be"):
        unseal_job(KEY, longer)
    assert unseal_job(KEY, sealed_piece(0, True, b"")) == b""


def sealed_piece(number: int, is_last: bool, piece: bytes) -> bytes:
    marking, keying = job_seal._keys(KEY)
    mark = job_seal._mark(marking, number, is_last, piece)
    return mark + seal(blake3(mark, key=keying).digest(), number, is_last, piece)


@given(keys, keys)
def test_the_name_of_a_key_is_its_own_and_does_not_hold_it(one: bytes, other: bytes) -> None:
    assert (name_of(one) == name_of(other)) is (one == other)
    assert name_of(one) != one.hex()
