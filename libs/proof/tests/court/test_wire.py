"""Every move of a dispute travels as bytes and comes back the same; other bytes are refused, typed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.proof.court import moves
from assay.proof.court.encoding import encode
from assay.proof.court.game import advance
from assay.proof.court.terms import Terms
from assay.proof.court.wire import SIZE_MAX, parse, read, read_move, write_move
from assay.schema.errors import Refused


@pytest.fixture(scope="module")
def said(make_court):
    """All moves of a dispute, with a demand for what was not published."""
    court = make_court(5, "true", is_published=False)
    dispute, last, found = court.open(), None, []
    while not dispute.is_over:
        last = court.next(dispute, last)
        found.append(court.sign(dispute, last))
        dispute = advance(dispute, found[-1], 0)
    return court, found


def test_moves_and_terms_come_back_as_they_were(said):
    court, signed = said
    assert {type(move.move) for move in signed} == set(moves.Move.__args__) - {moves.Claim, moves.Accept}
    for move in signed:
        assert read_move(write_move(move)) == move
    assert read(Terms, encode(court.terms)) == court.terms
    assert read(Terms, encode(court.terms)).id == court.terms.id


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_broken_moves_are_refused_or_say_something_else(said, data):
    raw = write_move(data.draw(st.sampled_from(said[1])))
    at = data.draw(st.integers(0, len(raw) - 1))
    broken = data.draw(
        st.sampled_from(
            [raw[:at], raw[:at] + bytes([raw[at] ^ 255]) + raw[at + 1 :], raw + b"n", raw[:at] + raw[at:] * 2]
        )
    )
    try:
        assert write_move(read_move(broken)) != raw
    except Refused as error:
        assert error.code == "court.malformed"


words = st.integers(0, 24).flatmap(lambda bits: st.lists(st.integers(-(1 << bits), 1 << bits), min_size=8, max_size=40))
contents = words.map(lambda each: b"".join(word.to_bytes(4, "little", signed=True) for word in each))
texts = st.one_of(st.text(max_size=9), st.binary(min_size=1, max_size=9).map(lambda raw: "0x" + raw.hex()))
hashes = st.lists(st.binary(min_size=20, max_size=20), max_size=4).map(tuple)
leaves = st.one_of(st.none(), st.integers(-(2**80), 2**80), texts, st.binary(max_size=80), contents, hashes)


@given(st.recursive(leaves, lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=8))
def test_whatever_is_written_is_read_as_it_was(value):
    assert parse(encode(value)) == value


def test_quantised_numbers_take_22_bits_and_hashes_no_more_than_themselves():
    terms = b"".join(((-1) ** at * (2**21 - 1 - at)).to_bytes(4, "little", signed=True) for at in range(1024))
    assert len(encode(terms)) == 1024 * 22 // 8 + 7
    assert len(encode((bytes(32),) * 9)) == 9 * 32 + 3


@given(st.binary(max_size=60))
def test_any_bytes_are_parsed_or_refused(data):
    try:
        parse(data)
    except Refused as error:
        assert error.code == "court.malformed"


def test_absurd_lengths_and_depths_are_refused_at_once():
    for data in (
        b"b\xff\xff\xff\xff\xff",
        b"t\xff\xff\xff\xff\xff",
        b"t\1" * 1000 + b"n",
        bytes(SIZE_MAX + 1),
        b"",
        b"i",
        b"h\2\0",
        b"h\xff\xff\xff\xff\xff\x20",
        b"w\xff\xff\xff\xff\xff\x08",
        b"w\1\7\0",
        b"w\1\x19" + bytes(4),
    ):
        with pytest.raises(Refused, match=r"court\.malformed"):
            parse(data)
    with pytest.raises(Refused, match=r"court\.malformed"):
        encode(2**200)
    with pytest.raises(Refused, match=r"court\.malformed"):
        encode([1])
