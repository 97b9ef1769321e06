"""What is sealed says nothing without its key, all of it with its key, and nothing once a byte of it is wrong."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.proof import sealed
from assay.proof.keys import Key
from assay.proof.sealed import HEAD_BYTES, KEY_BYTES, TAG_BYTES, seal_blob, unseal_blob
from assay.proof.wrapped import WRAPPED_CHARS, unwrap, wrap
from assay.schema.errors import Refused

PIECE = 64
WHOLE = PIECE + TAG_BYTES
KEY, OTHER = bytes(range(KEY_BYTES)), bytes(KEY_BYTES)
contents = st.binary(max_size=4 * PIECE)
secrets = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)


@pytest.fixture(scope="module", autouse=True)
def small_pieces() -> object:
    """Pieces of which an example has several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed, "PIECE_BYTES", PIECE)
        yield


def blob_of(content: bytes, key: bytes = KEY) -> bytes:
    return b"".join(seal_blob(key, BytesIO(content), len(content)))


@given(contents, secrets)
def test_a_sealed_blob_says_what_was_sealed_under_its_key_alone(content: bytes, key: bytes) -> None:
    blob = blob_of(content, key)
    assert unseal_blob(key, blob) == content
    assert len(content) < 8 or content not in blob
    with pytest.raises(Refused, match="not sealed under this key"):
        unseal_blob(bytes([key[0] ^ 1]) + key[1:], blob)


@given(contents, st.data())
def test_a_blob_that_was_cut_off_anywhere_is_refused(content: bytes, data: st.DataObject) -> None:
    blob = blob_of(content)
    with pytest.raises(Refused):
        unseal_blob(KEY, blob[: data.draw(st.integers(0, len(blob) - 1))])


@given(contents, st.data())
def test_any_flipped_bit_of_a_blob_is_found(content: bytes, data: st.DataObject) -> None:
    blob = bytearray(blob_of(content))
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Refused):
        unseal_blob(KEY, bytes(blob))


@given(st.permutations(range(4)).filter(lambda order: order != [0, 1, 2, 3]))
def test_pieces_that_changed_places_are_found(order: list[int]) -> None:
    blob = blob_of(bytes(4 * PIECE))
    pieces = [blob[HEAD_BYTES + at * WHOLE : HEAD_BYTES + (at + 1) * WHOLE] for at in order]
    with pytest.raises(Refused, match="damaged"):
        unseal_blob(KEY, blob[:HEAD_BYTES] + b"".join(pieces))


def test_a_piece_of_another_blob_or_one_left_out_is_found() -> None:
    blob, other = blob_of(bytes(3 * PIECE)), blob_of(b"\1" * 3 * PIECE, OTHER)
    head, pieces = blob[:HEAD_BYTES], [blob[HEAD_BYTES + at * WHOLE :][:WHOLE] for at in range(3)]
    for spoiled in ([pieces[0], pieces[2]], pieces[:2], [*pieces[:2], other[-WHOLE:]]):
        with pytest.raises(Refused, match="damaged"):
            unseal_blob(KEY, head + b"".join(spoiled))


def test_a_holder_cannot_hand_out_another_key_though_the_pieces_would_fit_it() -> None:
    """Whose head is of another key is refused before a piece is looked at."""
    mixed = blob_of(b"", OTHER)[:HEAD_BYTES] + blob_of(b"text")[HEAD_BYTES:]
    with pytest.raises(Refused, match="not sealed under this key"):
        unseal_blob(KEY, mixed)


@given(secrets, st.integers(0, WRAPPED_CHARS // 2 - 1), st.integers(0, 7))
def test_a_wrapped_key_opens_for_its_reader_about_its_blob_and_not_changed(secret: bytes, at: int, bit: int) -> None:
    reader, stranger = Key.generate(), Key.generate()
    wrapped = wrap(secret, reader.public, "a" * 64, Key.generate())
    assert len(wrapped) == WRAPPED_CHARS and unwrap(wrapped, reader, "a" * 64) == secret
    raw = bytearray(bytes.fromhex(wrapped))
    raw[at] ^= 1 << bit
    for text, key, about in (
        (wrapped, stranger, "a" * 64),
        (wrapped, reader, "b" * 64),
        (raw.hex(), reader, "a" * 64),
        (wrapped[:-2], reader, "a" * 64),
    ):
        with pytest.raises(Refused, match=r"key\.malformed"):
            unwrap(text, key, about)


def test_the_same_key_wrapped_twice_looks_different() -> None:
    reader = Key.generate()
    assert len({wrap(KEY, reader.public, "x", Key.generate()) for _ in range(3)}) == 3
