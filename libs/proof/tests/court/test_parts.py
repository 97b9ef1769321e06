"""An element of a long row is judged by its parts: the first that differs, whoever states it and however."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from assay.proof.court import moves
from assay.proof.court.game import advance
from assay.proof.court.holding import Holding, element_at, parts_in
from assay.proof.court.judge import Opening, element_of
from assay.proof.court.machine import Tensor, apply, run_step, state_root, tensor_of, words_of
from assay.proof.court.moves import Parts, Party, output_digest
from assay.proof.court.operations import Operation, check_operation
from assay.proof.court.parts import PARTED, joined, parts_of
from assay.proof.court.primitives import PART, Op
from assay.proof.court.program import Operator, Place, Program, Source
from assay.proof.court.rehearsal import Rehearsal
from assay.proof.court.tree import Shape
from assay.schema.errors import Refused

from .conftest import Court

LONG = 2 * 1_536 + 100
SPECIAL = (0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00001, 0x80000000, 0, 1, 0x807FFFFF)


def whole(rows, columns, seed=1):
    """Quantised numbers at their very bounds, so that sums leave what a float64 holds."""
    drawn = np.random.default_rng(seed).choice([-(2**21), 2**21, 12345, -1], rows * columns).astype("<i4")
    return Tensor(Shape(rows, columns), drawn.tobytes())


def floats(rows, columns, seed=2):
    dice = np.random.default_rng(seed)
    words = dice.standard_normal(rows * columns).astype("<f4").view("<u4")
    words[dice.integers(0, words.size - columns, 3)] = dice.choice(SPECIAL, 3).astype("<u4")
    return Tensor(Shape(rows, columns), words.tobytes())


DOT = Operation(Op.DOT, 4, 3, ((4, LONG), (6, LONG)), (2,))
MAX, EXPONENT = (Operation(op, 3, 1, ((3, LONG),)) for op in (Op.ROW_MAX, Op.ROW_EXPONENT))


@cache
def inputs_of(operation, seed=2):
    if operation.op is Op.DOT:
        return (whole(4, LONG, seed), whole(6, LONG, seed + 1))
    return (floats(3, LONG, seed),)


@pytest.mark.parametrize("operation", [DOT, MAX, EXPONENT], ids=lambda each: each.op.name)
@pytest.mark.parametrize("seed", range(6))
def test_the_parts_of_an_element_make_the_very_bits_of_the_whole(operation, seed):
    inputs = inputs_of(operation, seed)
    for place in range(operation.rows * operation.columns):
        parts = parts_of(operation, place)
        check_operation(parts)
        words = [element_at(parts, at, inputs) for at in range(parts.columns)]
        assert len(words) == -(-LONG // PART) and joined(operation, words) == element_at(operation, place, inputs)


@pytest.mark.parametrize("words", [SPECIAL, SPECIAL[1:2], SPECIAL[4:], SPECIAL[4:5]], ids=str)
def test_infinities_noughts_and_no_numbers_join_as_they_would_in_one_row(words):
    row = [words[at % len(words)] for at in range(LONG)]
    for operation in (MAX, EXPONENT):
        one = replace(operation, rows=1, inputs=((1, LONG),))
        parts = apply(parts_of(one, 0), [row])
        assert [joined(one, parts)] == apply(one, [row])


def test_what_one_judgement_takes_has_no_parts():
    for op, parted in PARTED.items():
        for columns, is_parted in ((parted.whole_max, False), (parted.whole_max + 1, True)):
            shapes = ((2, columns), (2, columns)) if op is Op.DOT else ((2, columns),)
            operation = Operation(op, 2, 2 if op is Op.DOT else 1, shapes, (1,) if op is Op.DOT else ())
            assert (parts_of(operation, 1) is not None) == is_parted
    assert parts_of(Operation(Op.ADD, 1, 9_999, ((1, 9_999), (1, 9_999))), 0) is None


@pytest.mark.parametrize(
    "operation",
    [
        Operation(Op.DOT_PARTS, 1, 2, ((2, 600), (2, 600)), (0, 2)),
        Operation(Op.DOT_PARTS, 1, 2, ((2, 600), (2, 600)), (-1, 0)),
        Operation(Op.DOT_PARTS, 1, 2, ((2, 600), (2, 700)), (0, 0)),
        Operation(Op.DOT_PARTS, 1, 3, ((2, 600), (2, 600)), (0, 0)),
        Operation(Op.DOT_PARTS, 2, 2, ((2, 600), (2, 600)), (0, 0)),
        Operation(Op.DOT_PARTS, 1, 2, ((2, 600), (2, 600)), (0,)),
        Operation(Op.MAX_PARTS, 1, 1, ((2, 600),), (0,)),
        Operation(Op.EXPONENT_PARTS, 1, 2, ((2, 600),), (2,)),
    ],
    ids=str,
)
def test_parts_of_no_row_are_no_operation(operation):
    with pytest.raises(Refused, match=r"court\.operation"):
        check_operation(operation)


# One step: rows of floats, the operator in question, and a state that its output is.
SOURCES = tuple(Source(Place.STATE, at) for at in (1, 2))
KEYS = Rehearsal(1, 1)


def false_parts(operation, inputs, word):
    """All of a lie about an element in the last of the parts of a sum, in each elsewhere."""
    true = parts_in(operation, inputs, word)
    return [*true[:-1], true[-1] + word - sum(true) & 2**64 - 1] if operation.op is Op.DOT_PARTS else [word] * len(true)


class Lease(Rehearsal):
    """One step of one operator over long rows."""

    operation: Operation

    def __init__(self, operation):
        super().__init__(1, 1, keys=KEYS.keys)
        object.__setattr__(self, "operation", operation)

    @property
    def program(self):
        inputs = SOURCES[: len(self.operation.inputs)]
        kept = tuple(Source(Place.STATE, at + 1) for at in range(len(inputs)))
        return Program((Operator(self.operation, inputs),), (Source(Place.TRACE, 0), *kept), 1)

    def run_all(self, changed=None):
        state = (tensor_of(self.operation.shape, [0] * (self.operation.rows * self.operation.columns)),)
        return [run_step(self.program, (*state, *inputs_of(self.operation)), self.data, {}, (changed or {}).get(0))]

    def hold(self, party, steps, seen=None):
        is_true = steps[0].after_root == truth(self.operation)[0].after_root
        states = [state_root(steps[0].state), steps[0].after_root]
        words_of = parts_in if is_true else false_parts
        return Holding(self.keys[party], self.program, states, steps.__getitem__, self.data_roots, {}, words_of)


@cache
def truth(operation):
    return Lease(operation).run_all()


@cache
def false(operation, change=1):
    """The step with the last element of the operator's output another."""
    words = words_of(truth(operation)[0].outputs[0])
    words[-1] = words[-1] + change & 2 ** (8 * operation.shape.width) - 1
    return Lease(operation).run_all({0: {0: tensor_of(operation.shape, words)}})


def court_of(worker, challenger, operation=DOT):
    return Court(worker, challenger, False, Lease(operation))


OPERATIONS = pytest.mark.parametrize("operation", [DOT, MAX, EXPONENT], ids=lambda each: each.op.name)


@OPERATIONS
@pytest.mark.parametrize("change", [1, -1])
def test_a_lie_about_an_element_of_a_long_row_is_judged_by_its_part(operation, change):
    account = court_of(false(operation, change), truth(operation), operation).play()
    assert (account.dispute.at_fault, account.dispute.cause) == ({Party.WORKER}, "judged")
    assert account.refused == () and account.dispute.leaf.place == operation.rows * operation.columns - 1
    turned = court_of(truth(operation), false(operation, change), operation).play()
    assert (turned.dispute.at_fault, turned.dispute.cause) == ({Party.CHALLENGER}, "judged")


def test_both_are_at_fault_whose_part_is_false():
    account = court_of(false(DOT), false(DOT, 2)).play()
    assert account.dispute.at_fault == {Party.WORKER, Party.CHALLENGER}


def refuses(code, court, dispute, move):
    with pytest.raises(Refused) as caught:
        advance(dispute, court.sign(dispute, move), 0)
    assert caught.value.code == code


OTHER = {Party.WORKER: Party.CHALLENGER, Party.CHALLENGER: Party.WORKER}


def resigned(court, dispute, party, words):
    """These parts, signed as they are."""
    leaf = dispute.leaf
    operation = parts_of(DOT, DOT.rows * DOT.columns - 1)
    root = Tensor(Shape(1, len(words) // 8, 8), words).root
    return Parts(words, court.keys[party].sign(output_digest(dispute.terms, operation, leaf.roots, root)))


@pytest.mark.parametrize(("kind", "party"), [(moves.Answer, Party.WORKER), (moves.Prove, Party.CHALLENGER)])
def test_parts_that_do_not_make_the_element_or_are_not_its_signers_are_refused(kind, party):
    """From either side: none, too few, too many, others, another's signature; then silence loses."""
    court = court_of(false(DOT), truth(DOT))
    dispute = court.until(kind)
    true = court.next(dispute)
    words = true.parts.words
    turned = bytes([words[0] ^ 1]) + words[1:]
    for parts, code in (
        (None, "court.malformed"),
        (resigned(court, dispute, party, words[:-8]), "court.malformed"),
        (resigned(court, dispute, party, words + bytes(8)), "court.malformed"),
        (replace(true.parts, words=b""), "court.malformed"),
        (resigned(court, dispute, party, turned), "court.bad_opening"),
        (replace(true.parts, words=turned), "court.bad_opening"),
        (replace(true.parts, signature=resigned(court, dispute, OTHER[party], words).signature), "court.forged"),
        (replace(true.parts, signature=""), "event.forged"),
    ):
        refuses(code, court, dispute, replace(true, parts=parts))
    assert court.lapse(dispute).at_fault == {party}


def test_a_worker_whose_true_parts_do_not_make_its_element_has_no_answer():
    court = court_of(false(DOT), truth(DOT))
    court.worker.words_of = parts_in
    account = court.play()
    assert account.dispute.at_fault == {Party.WORKER} and account.dispute.cause == "silence"
    assert account.refused == ("court.bad_opening",)


def test_parts_of_an_element_that_is_judged_whole_are_refused(make_court):
    court = make_court(4, "true")
    for kind in (moves.Answer, moves.Prove):
        dispute = court.until(kind)
        refuses("court.malformed", court, dispute, replace(court.next(dispute), parts=Parts(bytes(8), "")))


def test_the_operands_of_another_part_are_refused():
    court = court_of(false(DOT), truth(DOT))
    dispute = court.until(moves.Prove)
    true = court.next(dispute)
    opened = len(true.operands[0].data)
    assert opened == 4 * (LONG % PART)
    for operands in (
        true.operands[:1],
        true.operands[::-1],
        (*true.operands, true.operands[0]),
        (Opening(true.operands[0].data[:-4], true.operands[0].path), true.operands[1]),
    ):
        refuses("court.bad_opening", court, dispute, replace(true, operands=operands))


def test_an_element_of_a_part_is_the_judges_own():
    inputs = inputs_of(DOT)
    parts = parts_of(DOT, 7)
    dispute = court_of(false(DOT), truth(DOT)).until(moves.Prove)
    roots = tuple(tensor.root for tensor in inputs)
    assert dispute.leaf.roots == roots
    with pytest.raises(Refused):
        element_of(parts, roots, parts.columns, ())
