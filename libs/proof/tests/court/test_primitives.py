"""What the court's judge finds for sums, moves and integers is what numpy finds; shapes that do not fit are refused."""

import numpy as np
import pytest

from assay.proof.court.machine import Tensor, apply, words_of
from assay.proof.court.operations import Operation, check_operation
from assay.proof.court.primitives import RULES, Op
from assay.proof.court.tree import Shape
from assay.schema.errors import Refused

DRAWS = np.random.default_rng(3)


def tensor(array):
    flat = np.ascontiguousarray(array)
    return Tensor(Shape(flat.shape[0], flat.shape[1], flat.itemsize), flat.tobytes())


def run(op, rows, columns, *arrays, parameters=()):
    operation = Operation(op, rows, columns, tuple(array.shape for array in arrays), parameters)
    check_operation(operation)
    return apply(operation, [words_of(tensor(array)) for array in arrays])


def words(array, width=32):
    return (np.asarray(array).astype(np.int64).astype(object) % 2**width).ravel().tolist()


def integers(*shape, bound=2**21):
    return DRAWS.integers(-bound, bound + 1, shape).astype("<i4")


def test_a_batched_dot_is_the_exact_sum_of_products():
    left, right = integers(6, 70), integers(8, 70)
    wanted = np.matmul(left.reshape(2, 3, 70).astype(np.int64), right.reshape(2, 4, 70).astype(np.int64).mT)
    assert run(Op.DOT, 6, 4, left, right, parameters=(2,)) == words(wanted, 64)


def test_sum_at_adds_the_rows_that_the_index_names():
    index, values = DRAWS.integers(0, 4, (1, 20)).astype("<i4"), integers(20, 3)
    wanted = np.zeros((5, 3), np.int64)
    np.add.at(wanted, index[0], values)
    assert run(Op.SUM_AT, 5, 3, index, values) == words(wanted, 64)


def test_gather_moves_elements_of_all_inputs_and_puts_zero_for_minus_one():
    first, second = integers(2, 3), integers(1, 5)
    index = DRAWS.integers(-1, 11, (4, 6)).astype("<i4")
    ends = np.append(np.concatenate([first.ravel(), second.ravel()]), 0)
    assert run(Op.GATHER, 4, 6, index, first, second) == words(ends[index])


def test_layout_moves_elements_by_strides():
    source = integers(6, 4)
    transpose = (0, 6, 4, 4, 1, *(1, 0) * 4)
    assert run(Op.LAYOUT, 4, 6, source, parameters=transpose) == words(source.T)
    part = (5, 2, 1, 3, 8, *(1, 0) * 4)
    assert run(Op.LAYOUT, 3, 2, source, parameters=part) == words(source[1::2, 1:3])


def test_the_generators_words_wrap():
    a, b = (DRAWS.integers(0, 2**32, (3, 4), dtype=np.uint32) for _ in range(2))
    wide = a.astype(np.uint64) * b.astype(np.uint64)
    wanted = {Op.IADD: a + b, Op.ISUB: a - b, Op.XOR: a ^ b, Op.MUL_LO: a * b, Op.MUL_HI: wide >> np.uint64(32)}
    for op, found in wanted.items():
        assert run(op, 3, 4, a, b) == found.ravel().tolist(), op
    assert run(Op.SHIFT_RIGHT, 3, 4, a, parameters=(5,)) == (a >> 5).ravel().tolist()
    assert run(Op.SHIFT_RIGHT, 3, 4, a, parameters=(32,)) == [0] * 12


def test_a_rows_scale_and_largest_element_are_numpys():
    rows = (DRAWS.standard_normal((6, 40)) * 10.0 ** DRAWS.integers(-45, 38, (6, 1))).astype("<f4")
    rows[5] = 0
    exponents = np.clip(np.frexp(np.abs(rows).max(1))[1], -105, 128)
    exponents[5] = -105
    assert run(Op.ROW_EXPONENT, 6, 1, rows) == words(21 - exponents)
    assert run(Op.ROW_MAX, 6, 1, rows) == (rows.max(1) + np.float32(0)).view(np.uint32).tolist()


def test_smaller_inputs_repeat():
    left, right = integers(6, 4), integers(2, 1)
    assert run(Op.IADD, 6, 4, left, right) == words(left + np.tile(right, (3, 4)))


@pytest.mark.parametrize(
    "operation",
    [
        Operation(Op.ADD, 4, 4, ((4, 4),)),
        Operation(Op.ADD, 4, 4, ((4, 4), (3, 4))),
        Operation(Op.ADD, 4, 4, ((4, 4), (4, 0))),
        Operation(Op.ADD, 4, 4, ((4, 4), (4, 4)), (1,)),
        Operation(Op.DOT, 4, 4, ((4, 9), (4, 8)), (1,)),
        Operation(Op.DOT, 4, 4, ((4, 9), (4, 9)), (0,)),
        Operation(Op.DOT, 4, 4, ((4, 9), (4, 9)), (3,)),
        Operation(Op.DOT, 4, 4, ((3, 9), (4, 9)), (1,)),
        Operation(Op.ROW_MAX, 4, 2, ((4, 9),)),
        Operation(Op.ROW_EXPONENT, 4, 1, ((3, 9),)),
        Operation(Op.SUM_AT, 4, 2, ((2, 9), (9, 2))),
        Operation(Op.SUM_AT, 4, 2, ((1, 9), (8, 2))),
        Operation(Op.COMPARE, 4, 4, ((4, 4), (4, 4)), (6,)),
        Operation(Op.SHIFT_RIGHT, 4, 4, ((4, 4),), (2**63,)),
        Operation(Op.GATHER, 1, 1, ((1, 1),) * 10),
        Operation(Op.SQRT, 2**31, 1, ((1, 1),)),
        Operation(99, 1, 1, ((1, 1),)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(operation):
    with pytest.raises(Refused, match=r"court\.operation"):
        check_operation(operation)


def test_every_primitive_has_a_rule():
    assert set(RULES) == set(Op)


@pytest.mark.parametrize("index", [-2, 15])
def test_an_index_that_names_nothing_is_refused(index):
    with pytest.raises(Refused, match=r"court\.operation"):
        run(Op.GATHER, 1, 1, np.array([[index]], "<i4"), integers(3, 5))
    with pytest.raises(Refused, match=r"court\.operation"):
        run(Op.LAYOUT, 1, 1, integers(3, 5), parameters=(index, *(1, 0) * 6))
