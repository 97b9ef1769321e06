"""Where the parts of a blob lie, and what is said of it by somebody who is not believed."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.bus.content import Content
from assay.bus.layout import (
    RUNS_MAX,
    STRETCHES_MAX,
    Stretch,
    borrowed,
    own_layout,
    place,
    read_layout,
    read_runs,
    runs_of,
    write_layout,
    write_runs,
)
from assay.bus.parts import PART_BYTES
from assay.proof.job_seal import seal_job
from assay.proof.sealed import KEY_BYTES
from assay.schema.errors import Refused

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
parts = st.lists(st.sampled_from([b"1", b"2", b"3", b"4"]), min_size=1, max_size=12)


@given(parts, parts, parts)
def test_every_part_is_found_where_it_was_brought_first(one: list[bytes], two: list[bytes], three: list[bytes]) -> None:
    brought = {A: one, B: two, C: three}
    layout, before = own_layout(A, 0), one
    for digest, after in ((B, two), (C, three)):
        runs = read_runs(write_runs(found)) if (found := runs_of(after, before)) else []
        own = Stretch(0, digest, 0, 0)
        layout = borrowed(own, len(after) * PART_BYTES, layout, len(before) * PART_BYTES, runs, 0)
        assert read_layout(write_layout(layout), len(after) * PART_BYTES) == layout
        for index, part in enumerate(after):
            source, at = place(layout, index)
            assert brought[source][at] == part
        before = after


def test_of_what_did_not_change_the_last_part_alone_travels() -> None:
    assert runs_of([b"1", b"2", b"3", b"4"], [b"1", b"2", b"3", b"4"]) == [(0, 0, 3)]
    assert runs_of([b"0", b"1", b"2", b"5"], [b"1", b"2", b"3"]) == [(1, 0, 2)]


def test_of_a_sealed_checkpoint_the_parts_alone_travel_whose_content_changed() -> None:
    key, before = bytes(KEY_BYTES), random.Random(1).randbytes(4 * PART_BYTES)
    after = bytearray(before)
    after[2 * PART_BYTES] ^= 1
    one, other = (
        [bytes(part) for part in Content.of_bytes(seal_job(key, bytes(each))).parts()] for each in (before, after)
    )
    assert len(one) == 5 and runs_of(other, one) == [(0, 0, 2), (3, 3, 1)]


def test_a_blob_of_shreds_borrows_no_more_than_may_be_said() -> None:
    base = [bytes([k % 251, k // 251]) for k in range(1_200)]
    assert len(runs_of([p for k, p in enumerate(base) if k % 3], base)) == RUNS_MAX


def test_pieces_do_not_grow_without_end() -> None:
    layout = tuple(Stretch(at, A if at % 2 else B, at, 0) for at in range(STRETCHES_MAX))
    total = (STRETCHES_MAX + 2) * PART_BYTES
    with pytest.raises(Refused, match="pieces"):
        borrowed(Stretch(0, C, 0, 0), total, layout, total, [(1, 0, STRETCHES_MAX)], 0)


@pytest.mark.parametrize(
    "text", ["", "1.2", "0.0.1,", "-1.0.1", "0.0.100000", "\u0661.0.1", ",".join(["0.0.1"] * (RUNS_MAX + 1))]
)
def test_a_header_that_is_no_list_of_runs_is_refused(text: str) -> None:
    with pytest.raises(Refused, match=r"event\.malformed"):
        read_runs(text)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        {},
        7,
        None,
        [[1, A, 0, 0]],
        [[0, A, 0, 0], [0, B, 0, 0]],
        [[0, A, 0, 0], [9, B, 0, 0]],
        [[0, "core", 0, 0]],
        [[0, A, -1, 0]],
        [[0, A, 2**60, 0]],
        [[0, A, True, 0]],
        [[0, A, 0]],
        [[at, A, at, 0] for at in range(STRETCHES_MAX + 1)],
    ],
)
def test_a_layout_that_cannot_be_is_refused(rows: Any) -> None:
    with pytest.raises(Refused, match=r"blob\.mismatch"):
        read_layout(json.dumps(rows), 4 * PART_BYTES)
    with pytest.raises(Refused, match=r"blob\.mismatch"):
        read_layout(json.dumps(rows)[:-1] + "[" * 5_000, 4 * PART_BYTES)
