"""One element, from openings alone: wherever it lies in tensors of many chunks, and from its own openings only."""

from dataclasses import replace

import numpy as np
import pytest

from assay.proof.court.holding import open_span
from assay.proof.court.judge import Opening, Span, chunks_of, element_of, gathered, spans_of
from assay.proof.court.machine import Tensor, apply, words_of
from assay.proof.court.operations import Operation
from assay.proof.court.primitives import Op
from assay.proof.court.tree import Shape
from assay.schema.errors import Refused

DRAWS = np.random.default_rng(5)
WIDE = 300
"""Columns of 4 bytes: three chunks a row, the last one shorter."""


def integers(rows: int, columns: int = WIDE) -> Tensor:
    draws = DRAWS.integers(-(2**21), 2**21 + 1, (rows, columns)).astype("<i4")
    return Tensor(Shape(rows, columns, 4), draws.tobytes())


def openings_of(operation: Operation, place: int, *tensors: Tensor) -> list[Opening]:
    """The openings that an honest party shows."""
    found, operands = list[Opening](), list[list[int]]()
    for number, tensor in enumerate(tensors):
        spans = spans_of(operation, number, place, operands)
        found += [open_span(tensor, *chunks_of(tensor.shape, span)) for span in spans]
        words = words_of(tensor)
        operands.append([words[s.row * tensor.shape.columns + at] for s in spans for at in range(s.first, s.last)])
    return found


LEFT, RIGHT, KEYS = integers(4), integers(2), integers(6)
INDEX = Tensor(Shape(1, 4, 4), np.array([[7, -1, 2 * WIDE + 3, 0]], "<i4").tobytes())
CASES = {
    "repeats": (Operation(Op.IADD, 4, WIDE, ((4, WIDE), (2, WIDE))), (LEFT, RIGHT)),
    "row": (Operation(Op.ROW_MAX, 4, 1, ((4, WIDE),)), (LEFT,)),
    "batched": (Operation(Op.DOT, 4, 3, ((4, WIDE), (6, WIDE)), (2,)), (LEFT, KEYS)),
    "mapped": (Operation(Op.LAYOUT, 4, WIDE, ((4, WIDE),), (0, WIDE, 1, 4, WIDE, *(1, 0) * 4)), (LEFT,)),
    "gathered": (Operation(Op.GATHER, 1, 4, ((1, 4), (2, WIDE), (4, WIDE))), (INDEX, RIGHT, LEFT)),
}


@pytest.mark.parametrize("name", CASES)
def test_an_element_is_found_wherever_it_lies_in_rows_of_many_chunks(name: str) -> None:
    operation, tensors = CASES[name]
    truth, roots = apply(operation, [words_of(each) for each in tensors]), [each.root for each in tensors]
    last = len(truth) - 1
    for place in sorted({0, last, last // 2, *(at for at in (127, 128, 255, 256, 700, 900) if at < last)}):
        assert element_of(operation, roots, place, openings_of(operation, place, *tensors)) == truth[place], place


def test_only_the_openings_of_its_operands_make_an_element() -> None:
    operation, tensors = CASES["repeats"]
    roots, place = [each.root for each in tensors], 700
    true = openings_of(operation, place, *tensors)
    assert element_of(operation, roots, place, true) == apply(operation, [words_of(each) for each in tensors])[place]
    near = openings_of(operation, place + 128, *tensors)
    longer = replace(true[0], data=true[0].data + true[0].data)
    for openings in (true[:1], [*true, true[0]], true[::-1], near, [longer, true[1]], [true[0], true[0]]):
        with pytest.raises(Refused, match=r"court\.bad_opening"):
            element_of(operation, roots, place, openings)
    for beyond in (-1, 4 * WIDE):
        with pytest.raises(Refused, match=r"court\.bad_opening"):
            element_of(operation, roots, beyond, true)
    for others in (roots[:1], [*roots, roots[0]]):
        with pytest.raises(Refused, match=r"court\.operation"):
            element_of(operation, others, place, true)


def test_a_gathered_element_lies_in_one_input_or_nowhere() -> None:
    operation, _ = CASES["gathered"]
    ends = {-1: [[], []], 0: [[Span(0, 0, 1)], []], 2 * WIDE - 1: [[Span(1, WIDE - 1, WIDE)], []]}
    ends |= {2 * WIDE: [[], [Span(0, 0, 1)]], 6 * WIDE - 1: [[], [Span(3, WIDE - 1, WIDE)]]}
    for index, wanted in ends.items():
        assert [list(gathered(operation, number, index)) for number in (1, 2)] == wanted
    for nothing in (-2, 6 * WIDE):
        with pytest.raises(Refused, match=r"court\.operation"):
            list(gathered(operation, 1, nothing))
