"""Trees over tensors and lists: every part can be opened, and nothing opens as what it is not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.proof.court import tree
from assay.proof.court.trace import EMPTY, prefixes, reopen
from assay.proof.court.tree import Shape
from assay.proof.keccak import keccak256
from assay.schema.errors import Refused

shapes = st.builds(Shape, st.integers(1, 5), st.integers(1, 300), st.sampled_from([4, 8]))


def content(shape):
    return bytes(number * 7 % 251 for number in range(shape.rows * shape.row_bytes))


@settings(max_examples=60, deadline=None)
@given(shape=shapes, data=st.data())
def test_every_run_of_chunks_of_a_row_leads_to_the_root(shape, data):
    hashes = tree.chunk_hashes(shape, content(shape))
    root = tree.root_of_tensor(shape, content(shape))
    row = data.draw(st.integers(0, shape.rows - 1))
    first = data.draw(st.integers(0, shape.row_chunks - 1))
    last = data.draw(st.integers(first + 1, shape.row_chunks))
    start = row * shape.row_bytes
    part = content(shape)[start + first * 512 : min(start + last * 512, start + shape.row_bytes)]
    place = row * shape.row_chunks + first
    path = tree.prove(hashes, place, place + last - first)
    tree.check_rows(shape, root, part, place, path)
    wrong = [
        (Shape(shape.rows, shape.columns + 1, shape.width), part, place, path),
        (shape, bytes([part[0] ^ 1]) + part[1:], place, path),
        (shape, part, place + 1, path),
        (shape, part, place, (*path, bytes(32))),
        (shape, part, place, path[:-1] if path else (bytes(32),)),
        (shape, part, place, tuple(hash_[:-1] for hash_ in path) or (b"",)),
    ]
    for shape_, part_, place_, path_ in wrong:
        with pytest.raises(Refused, match=r"court\.(bad_opening|malformed)"):
            tree.check_rows(shape_, root, part_, place_, path_)


def test_the_root_is_that_of_the_contract():
    """Two rows of one float: two leaves, one node, and the shape."""
    leaves = [keccak256(b"\0" + word) for word in (b"abcd", b"efgh")]
    head = b"\2" + bytes([0, 0, 0, 2]) + bytes([0, 0, 0, 1]) + b"\4"
    assert tree.root_of_tensor(Shape(2, 1), b"abcdefgh") == keccak256(head + keccak256(leaves[0] + leaves[1]))


@pytest.mark.parametrize("shape", [Shape(0, 1), Shape(1, 0), Shape(1, 1, 2), Shape(2**31, 1), Shape(1, 2)])
def test_what_is_no_tensor_has_no_root(shape):
    with pytest.raises(Refused, match=r"court\.malformed"):
        tree.root_of_tensor(shape, b"abcd")


@settings(max_examples=40, deadline=None)
@given(count=st.integers(0, 40))
def test_a_trace_grows_into_the_tree_of_the_whole_list(count):
    entries = [keccak256(bytes([number])) for number in range(count)]
    grown = prefixes(entries)
    assert [trace.root for trace in grown] == [tree.root_of_list(entries[:size]) for size in range(count + 1)]
    assert reopen(grown[-1].root, count, grown[-1].peaks) == grown[-1]


def test_a_trace_is_reopened_by_its_own_peaks_alone():
    trace = prefixes([keccak256(bytes([number])) for number in range(6)])[-1]
    for size, peaks in ((6, trace.peaks[::-1]), (6, trace.peaks[:1]), (5, trace.peaks), (6, (b"", b""))):
        with pytest.raises(Refused, match=r"court\.bad_opening"):
            reopen(trace.root, size, peaks)
    with pytest.raises(Refused, match=r"court\.bad_opening"):
        reopen(EMPTY.root, 6, trace.peaks)


def test_an_entry_stands_at_its_place_of_a_list_of_that_size():
    entries = [keccak256(bytes([number])) for number in range(11)]
    root, path = tree.root_of_list(entries), tree.prove([tree.hash_leaf(entry) for entry in entries], 6, 7)
    tree.check_entry(root, entries[6], 6, 11, path)
    for entry, index, size in ((entries[5], 6, 11), (entries[6], 7, 11), (entries[6], 6, 12), (entries[6], 11, 11)):
        with pytest.raises(Refused, match=r"court\.bad_opening"):
            tree.check_entry(root, entry, index, size, path)
