from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.proof.merkle import Inclusion, prove, root, verify

trees = st.lists(st.binary(max_size=8), min_size=1, max_size=40)


@st.composite
def included(draw: st.DrawFn) -> tuple[list[bytes], Inclusion]:
    leaves = draw(trees)
    return leaves, prove(leaves, draw(st.integers(0, len(leaves) - 1)))


@given(included())
def test_every_leaf_is_proven_to_be_where_it_is(case: tuple[list[bytes], Inclusion]) -> None:
    leaves, inclusion = case
    assert verify(root(leaves), leaves[inclusion.index], inclusion)
    assert len(inclusion.path) <= (len(leaves) - 1).bit_length()


@given(included(), st.data())
def test_any_flipped_bit_of_a_proof_is_found(case: tuple[list[bytes], Inclusion], data: st.DataObject) -> None:
    leaves, inclusion = case
    parts = [root(leaves), leaves[inclusion.index], *inclusion.path]
    place = data.draw(st.sampled_from([place for place, part in enumerate(parts) if part]))
    bit = data.draw(st.integers(0, 8 * len(parts[place]) - 1))
    flipped = int.from_bytes(parts[place], "big") ^ (1 << bit)
    parts[place] = flipped.to_bytes(len(parts[place]), "big")
    assert not verify(parts[0], parts[1], replace(inclusion, path=tuple(parts[2:])))


@given(included(), st.integers(-2, 80), st.integers(-2, 80))
def test_a_proof_holds_for_one_place_and_one_size_only(
    case: tuple[list[bytes], Inclusion], index: int, size: int
) -> None:
    leaves, inclusion = case
    claimed = replace(inclusion, index=index, size=size)
    is_true = size == len(leaves) and 0 <= index < size and leaves[index] == leaves[inclusion.index]
    assert not verify(root(leaves), leaves[inclusion.index], claimed) or is_true


@given(included(), st.binary(min_size=32, max_size=32))
def test_a_longer_or_shorter_path_proves_nothing(case: tuple[list[bytes], Inclusion], extra: bytes) -> None:
    leaves, inclusion = case
    leaf, top = leaves[inclusion.index], root(leaves)
    assert not verify(top, leaf, replace(inclusion, path=(*inclusion.path, extra)))
    if inclusion.path:
        assert not verify(top, leaf, replace(inclusion, path=inclusion.path[:-1]))


@given(trees, trees)
def test_two_trees_share_a_root_only_if_they_are_equal(one: list[bytes], other: list[bytes]) -> None:
    assert (root(one) == root(other)) == (one == other)


def test_a_subtree_does_not_pass_for_a_tree() -> None:
    leaves = [b"a", b"b", b"c", b"d"]
    assert root(leaves[:2]) not in {node for index in range(4) for node in prove(leaves, index).path}


def test_no_leaves_have_a_root_and_no_proof() -> None:
    assert len(root([])) == 32
    with pytest.raises(IndexError):
        prove([], 0)
    assert not verify(root([]), b"", Inclusion(0, 0, ()))
