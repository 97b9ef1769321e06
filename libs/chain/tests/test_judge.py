"""The judge on a real node, its twin on chain and the court's own judge say the same of every primitive."""

import random
from dataclasses import replace

import numpy as np
import pytest

from assay.chain import wallet
from assay.chain.errors import Reverted
from assay.chain.events import Ruled
from assay.chain.judge import Case, OutputClaim, encode_judge, judge_domain
from assay.chain.port import Ruling
from assay.proof.court.holding import open_span
from assay.proof.court.judge import Opening, chunks_of, element, element_of, spans_of
from assay.proof.court.limits import CHUNKS_MAX, COLUMNS_MAX, ROWS_MAX, check_size
from assay.proof.court.machine import Tensor, apply, tensor_of, words_of
from assay.proof.court.moves import claim_digest
from assay.proof.court.operations import Operation, check_operation, operation_digest
from assay.proof.court.parts import PARTED, parts_of
from assay.proof.court.primitives import Op
from assay.proof.court.tree import Shape
from assay.schema.errors import Refused

from .deep import Deep

DISPUTE = b"\7" * 32
GAS_MAX = 1_000_000


def floats(dice, count):
    """Words of floats of all sizes, among them zeros, subnormals, infinities and what is no number."""
    edges = [0, 1 << 31, 1, 0x807FFFFF, 0x00800000, 0x3F800000, 0x7F7FFFFF, 0x7F800000, 0x7FC00000, 0xFF800001]
    return [dice.choice(edges) if dice.random() < 0.2 else dice.getrandbits(32) for _ in range(count)]


def small(dice, count, bound=2**21):
    return [dice.randint(-bound, bound) % 2**32 for _ in range(count)]


def quantised(rows, columns):
    draws = np.random.default_rng(rows * columns).integers(-(2**21), 2**21 + 1, rows * columns)
    return Tensor(Shape(rows, columns), draws.astype("<i4").tobytes())


LAYOUT = (0, 3, 5, 2, 1, 1, 0, 1, 0, 1, 0, 1, 0)
"""The transpose of a [3, 2] view of elements, in strides."""


def operations():
    """One operation of each primitive with inputs that reach its corners."""
    pair = ((3, 5), (3, 5))
    for op in (Op.ADD, Op.SUB, Op.MUL, Op.DIV, Op.MAX):
        yield Operation(op, 3, 5, ((3, 5), (1, 5))), floats
    for relation in range(6):
        yield Operation(Op.COMPARE, 3, 5, pair, (relation,)), floats
    for op in (Op.SQRT, Op.NEG, Op.ROUND_INT):
        yield Operation(op, 2, 200, ((2, 200),)), floats
    for op in (Op.ROW_MAX, Op.ROW_EXPONENT):
        yield Operation(op, 3, 1, ((3, 300),)), floats
    yield Operation(Op.POW2, 3, 5, ((3, 1),)), lambda dice, count: small(dice, count, 160)
    yield Operation(Op.SELECT, 3, 5, ((3, 1), (3, 5), (1, 1))), lambda dice, count: small(dice, count, 1)
    yield Operation(Op.DOT, 4, 3, ((4, 130), (6, 130)), (2,)), small
    for op in (Op.IADD, Op.ISUB, Op.MUL_HI, Op.MUL_LO, Op.XOR):
        yield Operation(op, 3, 5, pair), lambda dice, count: [dice.getrandbits(32) for _ in range(count)]
    yield Operation(Op.SHIFT_RIGHT, 3, 5, ((3, 5),), (7,)), floats
    yield Operation(Op.LAYOUT, 2, 3, ((3, 5),), LAYOUT), floats
    yield (
        Operation(Op.GATHER, 4, 5, ((4, 5), (2, 3), (1, 9))),
        lambda dice, count: [dice.randint(-1, 14) % 2**32 for _ in range(count)],
    )
    yield Operation(Op.DOT_PARTS, 1, 2, ((3, 600), (4, 600)), (2, 1)), small
    for op in (Op.MAX_PARTS, Op.EXPONENT_PARTS):
        yield Operation(op, 1, 3, ((2, 1100),), (1,)), floats
    yield Operation(Op.SUM_AT, 3, 2, ((1, 9), (9, 2))), lambda dice, count: small(dice, count, 2)


def mixed(dice):
    """What takes inputs of unlike kinds: a float or a sum, and an exponent."""
    exponents = tensor_of(Shape(3, 1), small(dice, 3, 140))
    yield (
        Operation(Op.QUANTISE, 3, 5, ((3, 5), (3, 1))),
        (tensor_of(Shape(3, 5), floats(dice, 15)), exponents),
    )
    sums = tensor_of(Shape(3, 5, 8), [dice.getrandbits(64) >> dice.randrange(60) for _ in range(15)])
    yield Operation(Op.DESCALE, 3, 5, ((3, 5), (3, 1))), (sums, exponents)


def cases():
    dice = random.Random(5)
    for operation, draw in operations():
        shapes = [operation.input_shape(number) for number in range(len(operation.inputs))]
        yield operation, tuple(tensor_of(shape, draw(dice, shape.rows * shape.columns)) for shape in shapes)
    yield from mixed(dice)


class Bench:
    """A dispute over one operation, between the rig's provider and stranger."""

    def __init__(self, rig, operation, inputs, place, dispute=DISPUTE):
        self.rig, self.operation, self.inputs, self.place = rig, operation, inputs, place
        self.case = Case(dispute, operation, tuple(tensor.root for tensor in inputs))

    def openings(self):
        found, read = [], []
        for number, tensor in enumerate(self.inputs):
            spans = spans_of(self.operation, number, self.place, read)
            found += [open_span(tensor, *chunks_of(tensor.shape, span)) for span in spans]
            words, columns = words_of(tensor), tensor.shape.columns
            read.append([words[span.row * columns + at] for span in spans for at in range(span.first, span.last)])
        return found

    def claim(self, key, output, parties=None):
        workers, challengers = parties or (self.rig.keys.provider, self.rig.keys.stranger)
        digest = claim_digest(
            judge_domain(self.rig.chain.deployment),
            self.case.dispute,
            (workers.address, challengers.address),
            operation_digest(self.operation, self.case.roots),
            output.root,
        )
        span = element(*divmod(self.place, self.operation.columns))
        return OutputClaim(key.address, output.root, bytes.fromhex(key.sign(digest)[2:]), self.chunk(output, span))

    def chunk(self, output, span):
        return open_span(output, *chunks_of(output.shape, span))

    def call(self, workers, challengers, openings=None):
        keys = self.rig.keys
        claims = self.claim(keys.provider, workers), self.claim(keys.stranger, challengers)
        return encode_judge(self.case, self.place, openings or self.openings(), *claims)

    async def send(self, call):
        return await wallet.send(self.rig.chain, self.rig.keys.admin, self.rig.chain.deployment.judge, call)


def changed(tensor, place):
    """The tensor with the lowest bit of one element turned over."""
    at = place * tensor.shape.width
    return replace(tensor, data=tensor.data[:at] + bytes([tensor.data[at] ^ 1]) + tensor.data[at + 1 :])


@pytest.mark.server
async def test_both_judges_find_the_same_truth_for_every_primitive(node_rig):
    known = set()
    for number, (operation, inputs) in enumerate(cases()):
        truth = apply(operation, [words_of(tensor) for tensor in inputs])
        place = number % len(truth)
        output = tensor_of(operation.shape, truth)
        bench = Bench(node_rig, operation, inputs, place, number.to_bytes(32, "big"))
        assert element_of(operation, bench.case.roots, place, bench.openings()) == truth[place]
        receipt = await bench.send(bench.call(changed(output, place), output))
        assert receipt.events[0].truth == truth[place], operation
        assert receipt.events[0].ruling == Ruling.WORKER_FAULT
        assert receipt.gas_used < GAS_MAX
        known.add(operation.op)
    assert known == set(Op)


@pytest.mark.server
@pytest.mark.parametrize("columns", [1024, 1536])
async def test_a_dot_product_is_judged_within_a_million_gas(node_rig, columns, record_property):
    operation = Operation(Op.DOT, 64, 64, ((64, columns), (64, columns)), (1,))
    inputs = (quantised(64, columns), quantised(64, columns))
    left, right = (np.frombuffer(tensor.data, "<i4").reshape(64, columns).astype(np.int64) for tensor in inputs)
    output = Tensor(operation.shape, (left @ right.T).astype("<i8").tobytes())
    bench = Bench(node_rig, operation, inputs, 777)
    call = bench.call(changed(output, 777), output)
    receipt = await bench.send(call)
    assert receipt.events[0].ruling == Ruling.WORKER_FAULT
    assert receipt.events[0].truth == int((left @ right.T).ravel()[777]) % 2**64
    assert receipt.gas_used < GAS_MAX
    record_property("gas", receipt.gas_used)
    print(f"\ndot product of K = {columns}: {receipt.gas_used:,} gas, {len(call):,} bytes of calldata")


def longest(op, columns):
    """The operation over rows of so many columns, of tensors as deep as a program may have them."""
    if op is Op.SUM_AT:
        rows = CHUNKS_MAX * 64 // COLUMNS_MAX[op]
        return Operation(op, rows, COLUMNS_MAX[op], ((1, columns), (columns, COLUMNS_MAX[op])))
    rows = CHUNKS_MAX * 128 // columns
    if op is Op.DOT:
        return Operation(op, rows, CHUNKS_MAX // rows * 64, ((rows, columns), (CHUNKS_MAX // rows * 64, columns)), (1,))
    return Operation(op, rows, 1, ((rows, columns),))


def drawn(operation, number, count, row):
    """Words as an input of the operation has them; every index names the row, so that all are read."""
    dice = np.random.default_rng(number)
    if operation.op is Op.SUM_AT and number == 0:
        return [row] * count
    if operation.op in (Op.ROW_MAX, Op.ROW_EXPONENT, Op.MAX_PARTS, Op.EXPONENT_PARTS):
        return dice.standard_normal(count).astype("<f4").view("<u4").tolist()
    return (dice.integers(-(2**21), 2**21 + 1, count) % 2**32).tolist()


class DeepBench(Bench):
    """A dispute over one operation on tensors that nobody could hold, of which what is read is made up."""

    def __init__(self, rig, operation, place, dispute):
        read, self.opened, inputs = [], [], []
        for number in range(len(operation.inputs)):
            spans = spans_of(operation, number, place, read)
            read.append(
                drawn(operation, number, sum(span.last - span.first for span in spans), place // operation.columns)
            )
            inputs.append(Deep(operation.input_shape(number), spans, read[-1]))
            self.opened += [inputs[-1].opening(span) for span in spans]
        super().__init__(rig, operation, inputs, place, dispute)
        self.truth = operation.rule.evaluate(operation.parameters, read)

    def openings(self):
        return self.opened

    def chunk(self, output, span):
        return output.opening(span)

    def output(self, word):
        return Deep(self.operation.shape, [element(*divmod(self.place, self.operation.columns))], [word])


LONGEST = [
    *(longest(op, parted.whole_max) for op, parted in PARTED.items()),
    *(parts_of(longest(op, ROWS_MAX[op]), 77) for op in PARTED),
    longest(Op.SUM_AT, ROWS_MAX[Op.SUM_AT]),
]


@pytest.mark.server
@pytest.mark.parametrize("operation", LONGEST, ids=lambda each: each.op.name)
async def test_the_longest_rows_that_a_program_may_have_are_judged_within_a_million_gas(node_rig, operation):
    """Whole, and in parts of rows that are longer."""
    bench = DeepBench(node_rig, operation, operation.columns - 1, operation.op.to_bytes(32, "big"))
    call = bench.call(bench.output(bench.truth ^ 1), bench.output(bench.truth))
    receipt = await bench.send(call)
    assert (receipt.events[0].ruling, receipt.events[0].truth) == (Ruling.WORKER_FAULT, bench.truth)
    assert receipt.gas_used < GAS_MAX and len(call) < 40_000
    longest_row = operation.inputs[0][1]
    print(f"\n{operation.op.name} over {longest_row}: {receipt.gas_used:,} gas, {len(call):,} bytes of calldata")


def test_what_is_measured_is_as_large_as_a_program_may_have_it():
    for operation in LONGEST:
        check_operation(operation)
    for op, columns in ROWS_MAX.items():
        check_size(longest(op, columns))
        if op in COLUMNS_MAX:
            with pytest.raises(Refused, match=r"court\.operation"):
                check_size(replace(longest(op, columns), rows=1, columns=COLUMNS_MAX[op] + 1))
        for larger in (longest(op, columns + 1), replace(longest(op, columns), rows=CHUNKS_MAX + 1)):
            with pytest.raises(Refused, match=r"court\.operation"):
                check_size(larger)


def addition(rig, dispute=DISPUTE):
    inputs = (tensor_of(Shape(1, 2), [0x3F800000, 0x3F800000]), tensor_of(Shape(1, 2), [0x40000000, 0]))
    output = tensor_of(Shape(1, 2), [0x40400000, 0x3F800000])
    return Bench(rig, Operation(Op.ADD, 1, 2, ((1, 2), (1, 2))), inputs, 0, dispute), output


async def test_a_ruling_is_kept_for_the_two_parties_and_made_once(rig):
    bench, output = addition(rig)
    receipt = await bench.send(bench.call(output, changed(output, 0)))
    workers, challengers = rig.keys.provider.address, rig.keys.stranger.address
    event = receipt.events[0]
    assert isinstance(event, Ruled) and event.ruling == Ruling.CHALLENGER_FAULT and event.truth == 0x40400000
    assert await rig.chain.ruling_of(DISPUTE, workers, challengers) == Ruling.CHALLENGER_FAULT
    assert await rig.chain.ruling_of(DISPUTE, challengers, workers) == Ruling.NONE
    with pytest.raises(Reverted, match="AlreadyRuled"):
        await bench.send(bench.call(changed(output, 0), output))


async def test_both_are_at_fault_if_neither_has_the_true_element(rig):
    bench, output = addition(rig)
    wrong = tensor_of(output.shape, [7, 0x3F800000])
    await bench.send(bench.call(changed(output, 0), wrong))
    parties = rig.keys.provider.address, rig.keys.stranger.address
    assert await rig.chain.ruling_of(DISPUTE, *parties) == Ruling.BOTH_FAULT


async def test_nothing_is_ruled_where_both_are_right(rig):
    bench, output = addition(rig)
    with pytest.raises(Reverted, match="Undisputed"):
        await bench.send(bench.call(output, changed(output, 1)))
    with pytest.raises(Reverted, match="Undisputed"):
        await bench.send(bench.call(output, output))


async def test_nobody_is_judged_on_what_he_did_not_sign(rig):
    bench, output = addition(rig)
    keys, wrong = rig.keys, changed(output, 0)
    mine, theirs = bench.claim(keys.provider, wrong), bench.claim(keys.stranger, output)
    forged = {
        "by another key": (replace(bench.claim(keys.requester, wrong), party=keys.provider.address), theirs),
        "another output": (replace(mine, output=b"\1" * 32), theirs),
        "an unsigned challenger": (mine, replace(bench.claim(keys.requester, output), party=keys.stranger.address)),
        "a challenger's other output": (mine, replace(theirs, output=b"\1" * 32)),
        "places changed": (theirs, mine),
        "other parties": (bench.claim(keys.provider, wrong, (keys.provider, keys.requester)), theirs),
        "a short signature": (replace(mine, signature=mine.signature[:64]), theirs),
    }
    for name, claims in forged.items():
        with pytest.raises(Reverted):
            await bench.send(encode_judge(bench.case, 0, bench.openings(), *claims))
            pytest.fail(name)
    for case in (
        replace(bench.case, dispute=b"\1" * 32),
        replace(bench.case, roots=bench.case.roots[::-1]),
        replace(bench.case, operation=replace(bench.operation, op=Op.SUB)),
    ):
        with pytest.raises(Reverted):
            await bench.send(encode_judge(case, 0, bench.openings(), mine, theirs))


async def test_openings_that_prove_nothing_are_refused(rig):
    operation = Operation(Op.ADD, 4, 300, ((4, 300), (4, 300)))
    inputs = (quantised(4, 300), quantised(4, 300))
    output = tensor_of(operation.shape, apply(operation, [words_of(tensor) for tensor in inputs]))
    bench = Bench(rig, operation, inputs, 700)
    first, second = bench.openings()
    for opening in (
        replace(first, path=first.path[:-1]),
        replace(first, path=(*first.path, bytes(32))),
        replace(first, path=first.path[::-1]),
        replace(first, data=first.data[:-4]),
        replace(first, data=first.data + bytes(4)),
        replace(first, data=b""),
        replace(first, data=b"\1" * 100_000),
        open_span(inputs[0], 0, 1),
        open_span(inputs[0], 6, 8),
        Opening(inputs[0].data, ()),
    ):
        with pytest.raises(Reverted):
            await bench.send(bench.call(changed(output, 700), output, [opening, second]))
    for openings in ([first], [first, second, second]):
        with pytest.raises(Reverted):
            await bench.send(bench.call(changed(output, 700), output, openings))
    bench.place = 4 * 300
    with pytest.raises((Reverted, IndexError)):
        await bench.send(encode_judge(bench.case, 4 * 300, [first, second], *claims_at(bench, output)))


async def test_a_row_must_be_opened_whole(rig):
    """A part of a row leads to the root as well, and what it leaves out would be read from elsewhere."""
    operation, inputs = Operation(Op.ROW_MAX, 2, 1, ((2, 300),)), (quantised(2, 300),)
    output = tensor_of(operation.shape, apply(operation, [words_of(inputs[0])]))
    bench = Bench(rig, operation, inputs, 1)
    for first, last in ((3, 5), (3, 4), (2, 6), (0, 3)):
        with pytest.raises(Reverted):
            await bench.send(bench.call(changed(output, 1), output, [open_span(inputs[0], first, last)]))
    receipt = await bench.send(bench.call(changed(output, 1), output, [open_span(inputs[0], 3, 6)]))
    assert receipt.events[0].ruling == Ruling.WORKER_FAULT


MISFITS = [
    Operation(Op.DOT, 2, 2, ((2, 9), (3, 9)), (1,)),
    Operation(Op.DOT, 2, 2, ((3, 9), (2, 9)), (1,)),
    Operation(Op.DOT, 3, 2, ((3, 9), (4, 9)), (2,)),
    Operation(Op.ROW_MAX, 2, 1, ((3, 9),)),
    Operation(Op.ROW_EXPONENT, 2, 2, ((2, 9),)),
    Operation(Op.SUM_AT, 2, 2, ((1, 9), (10, 2))),
    Operation(Op.ADD, 3, 2, ((2, 2), (3, 2))),
    Operation(Op.DOT_PARTS, 1, 2, ((2, 600), (2, 600)), (2, 0)),
    Operation(Op.DOT_PARTS, 1, 2, ((2, 600), (2, 600)), (0, -1)),
    Operation(Op.DOT_PARTS, 1, 2, ((2, 600), (2, 640)), (0, 0)),
    Operation(Op.DOT_PARTS, 1, 3, ((2, 600), (2, 600)), (0, 0)),
    Operation(Op.DOT_PARTS, 2, 2, ((2, 600), (2, 600)), (0, 0)),
    Operation(Op.MAX_PARTS, 1, 1, ((2, 600),), (0,)),
    Operation(Op.EXPONENT_PARTS, 1, 2, ((2, 600),), (2,)),
]


@pytest.mark.parametrize("operation", MISFITS, ids=str)
async def test_shapes_that_do_not_fit_are_not_judged_though_both_signed(rig, operation):
    bench = Bench(rig, operation, tuple(quantised(*sides) for sides in operation.inputs), 0)
    size = operation.rows * operation.columns
    output = tensor_of(operation.shape, [1] * size)
    first_rows = [open_span(tensor, 0, min(4, tensor.shape.row_chunks)) for tensor in bench.inputs]
    with pytest.raises(Reverted):
        await bench.send(bench.call(changed(output, 0), output, first_rows))


def claims_at(bench, output):
    bench.place = 700
    keys = bench.rig.keys
    return bench.claim(keys.provider, changed(output, 700)), bench.claim(keys.stranger, output)
