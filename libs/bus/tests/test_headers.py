"""The fast reader of headers, against nats-py's."""

from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client

from assay.bus.headers import read_headers

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), min_size=1)
VALUES = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))


@given(st.dictionaries(NAMES, VALUES))
def test_headers_are_read_as_nats_py_reads_them(headers: dict[str, str]) -> None:
    raw = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n"
    assert read_headers(raw) == Client._parse_header_lines(raw)
    assert read_headers(raw).keys() == headers.keys()


def test_lines_that_are_no_headers_are_left_out() -> None:
    raw = b"no colon\r\ntwo words: x\r\nn\xc3\xa4me: x\r\nce-id:e1\r\nce-type:\t assay \r\nempty:\r\n\r\n"
    assert read_headers(raw) == {"ce-id": "e1", "ce-type": "assay", "empty": ""} == Client._parse_header_lines(raw)
