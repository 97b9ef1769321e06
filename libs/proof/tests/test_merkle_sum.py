from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.proof.merkle_sum import Node, SumInclusion, SumRoot, prove, root, verify
from assay.schema.errors import Reject

Leaves = list[tuple[bytes, int]]

trees = st.lists(st.tuples(st.binary(max_size=4), st.integers(0, 2**40)), min_size=1, max_size=40)


@st.composite
def included(draw: st.DrawFn) -> tuple[Leaves, SumInclusion]:
    leaves = draw(trees)
    return leaves, prove(leaves, draw(st.integers(0, len(leaves) - 1)))


@given(included())
def test_every_leaf_is_proven_with_its_part_of_the_line(case: tuple[Leaves, SumInclusion]) -> None:
    leaves, inclusion = case
    assert verify(root(leaves), *leaves[inclusion.index], inclusion)
    assert inclusion.start == sum(cost for _, cost in leaves[: inclusion.index])
    assert root(leaves).total == sum(cost for _, cost in leaves)


@given(included(), st.data())
def test_any_other_cost_place_or_sibling_proves_nothing(case: tuple[Leaves, SumInclusion], data: st.DataObject) -> None:
    leaves, inclusion = case
    top, (leaf, cost) = root(leaves), leaves[inclusion.index]
    delta = data.draw(st.integers(-(2**41), 2**41).filter(bool))
    assert not verify(top, leaf, cost + delta, inclusion)
    assert not verify(SumRoot(top.root, top.total + delta), leaf, cost, inclusion)
    assert not verify(top, leaf + b"x", cost, inclusion)
    assert not verify(top, leaf, cost, replace(inclusion, path=(*inclusion.path, Node(b"\0" * 32, 0))))
    for at, node in enumerate(inclusion.path):
        path = list(inclusion.path)
        path[at] = Node(node.hash, node.cost + delta)
        assert not verify(top, leaf, cost, replace(inclusion, path=tuple(path)))


@given(included())
def test_cost_moved_to_a_sibling_is_found(case: tuple[Leaves, SumInclusion]) -> None:
    leaves, inclusion = case
    if not inclusion.path or not leaves[inclusion.index][1]:
        return
    leaf, cost = leaves[inclusion.index]
    first, *rest = inclusion.path
    moved = replace(inclusion, path=(Node(first.hash, first.cost + 1), *rest))
    assert not verify(root(leaves), leaf, cost - 1, moved)


@given(included(), st.integers(-2, 80), st.integers(-2, 80))
def test_a_proof_holds_for_one_place_and_one_size_only(
    case: tuple[Leaves, SumInclusion], index: int, size: int
) -> None:
    leaves, inclusion = case
    claimed = replace(inclusion, index=index, size=size)
    is_true = size == len(leaves) and 0 <= index < size and leaves[index] == leaves[inclusion.index]
    assert not verify(root(leaves), *leaves[inclusion.index], claimed) or is_true


@given(trees, trees)
def test_two_trees_share_a_root_only_if_they_are_equal(one: Leaves, other: Leaves) -> None:
    assert (root(one) == root(other)) == (one == other)


def test_sums_beyond_64_bits_are_refused() -> None:
    for leaves in ([(b"", -1)], [(b"", 2**64)], [(b"", 2**63), (b"", 2**63)]):
        with pytest.raises(Reject):
            root(leaves)
    assert not verify(root([(b"", 1)]), b"", -1, SumInclusion(0, 1, ()))


def test_no_leaves_have_a_root_and_no_proof() -> None:
    assert root([]).total == 0
    assert not verify(root([]), b"", 0, SumInclusion(0, 0, ()))
    with pytest.raises(IndexError):
        prove([], 0)
