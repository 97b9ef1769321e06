"""A small lease of exact numerics, made up for tests and benches: its program, and what parties hold of it.

The program is blocks of eight operators on square tensors: a sum, a product, exponents, quantisation, a matrix product
with itself, descaling. Its values stay near one however often it runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from assay.proof.court.holding import Holding
from assay.proof.court.machine import Step, Tensor, run_step, state_root, tensor_of
from assay.proof.court.moves import Party
from assay.proof.court.operations import Operation
from assay.proof.court.play import Account, play
from assay.proof.court.primitives import Op
from assay.proof.court.program import Operator, Place, Program, Source
from assay.proof.court.softfloat import SIGN
from assay.proof.court.terms import Record, Terms
from assay.proof.court.tree import HASH_BYTES, Shape, root_of_list
from assay.proof.eip712 import Domain
from assay.proof.keccak import keccak256
from assay.proof.keys import Key

BLOCK = 8
ONE = 0x3F800000
DATA_KINDS = 7
DOMAIN = Domain(31337, "0x" + "77" * 20)


def float_of(power: int) -> int:
    """The word of 2**power."""
    return ONE + (power << 23)


@dataclass(frozen=True)
class Rehearsal:
    """A lease of so many segments, steps and operators (a multiple of BLOCK) on tensors of `side` by `side`."""

    segments: int
    steps: int
    operators: int = BLOCK
    side: int = 4
    keys: Mapping[Party, Key] = field(default_factory=lambda: {party: Key.generate() for party in Party})

    @property
    def length(self) -> int:
        """The steps of the lease."""
        return self.segments * self.steps

    @property
    def shape(self) -> Shape:
        """The shape of the tensors."""
        return Shape(self.side, self.side)

    @cached_property
    def divisor(self) -> Tensor:
        """The constant that keeps the values near one."""
        return tensor_of(Shape(1, 1), [float_of(2 + (self.side - 1).bit_length())])

    @cached_property
    def program(self) -> Program:
        """The program of a step."""
        operators = [operator for start in range(0, self.operators, BLOCK) for operator in self.block(start)]
        return Program(tuple(operators), (Source(Place.TRACE, len(operators) - 1), Source(Place.STATE, 1)), 1)

    def block(self, start: int) -> list[Operator]:
        """Eight operators, of which the first is number `start`."""
        side, square = self.side, (self.side, self.side)
        state, data = Source(Place.STATE, 1), Source(Place.DATA, 0)
        before = Source(Place.TRACE, start - 1) if start else Source(Place.STATE, 0)
        own = [Source(Place.TRACE, start + number) for number in range(BLOCK)]
        column, constant = (side, 1), Source(Place.CONSTANT, root=self.divisor.root)
        return [
            Operator(Operation(Op.ADD, side, side, (square, square)), (before, state)),
            Operator(Operation(Op.MUL, side, side, (square, square)), (own[0], data)),
            Operator(Operation(Op.ROW_EXPONENT, side, 1, (square,)), (own[1],)),
            Operator(Operation(Op.QUANTISE, side, side, (square, column)), (own[1], own[2])),
            Operator(Operation(Op.DOT, side, side, (square, square), (1,)), (own[3], own[3])),
            Operator(Operation(Op.IADD, side, 1, (column, column)), (own[2], own[2])),
            Operator(Operation(Op.DESCALE, side, side, (square, column)), (own[4], own[5])),
            Operator(Operation(Op.DIV, side, side, (square, (1, 1))), (own[6], constant)),
        ]

    def tensor(self, *name: object) -> Tensor:
        """A tensor of floats between a half and one, of either sign, that follows from a name."""
        words = []
        for place in range(self.side**2):
            drawn = int.from_bytes(keccak256(repr((*name, place)).encode())[:4], "big")
            words.append(float_of(-1) | drawn & 0x7FFFFF | drawn & SIGN)
        return tensor_of(self.shape, words)

    @cached_property
    def data(self) -> list[Tensor]:
        """The one tensor of data of each step: the same few come again."""
        few = [self.tensor("data", number) for number in range(DATA_KINDS)]
        return [few[step % DATA_KINDS] for step in range(self.length)]

    def run(self, state: tuple[Tensor, ...], step: int, changed: Mapping[int, Tensor] | None = None) -> Step:
        """One step from this state on."""
        return run_step(self.program, state, [self.data[step]], {self.divisor.root: self.divisor}, changed)

    def run_all(self, changed: Mapping[int, Mapping[int, Tensor]] | None = None) -> list[Step]:
        """All steps; `changed` puts other outputs in the places of some operators' own, by step and operator."""
        found = list[Step]()
        state: tuple[Tensor, ...] = (self.tensor("state", 0), self.tensor("state", 1))
        for step in range(self.length):
            found.append(self.run(state, step, (changed or {}).get(step)))
            state = found[-1].after
        return found

    def hold(self, party: Party, steps: list[Step], seen: Mapping[bytes, Tensor] | None = None) -> Holding:
        """What a party holds who ran these steps."""
        states = [state_root(steps[0].state), *(step.after_root for step in steps)]
        return Holding(self.keys[party], self.program, states, steps.__getitem__, self.data_roots, seen or {})

    @cached_property
    def data_roots(self) -> list[bytes]:
        """The roots of all data."""
        return [tensor.root for tensor in self.data]

    def terms(self, worker: Holding, challenger: Holding) -> Terms:
        """The terms on which the challenger disputes what the worker claims."""
        program = self.program
        record = Record(
            lease_id="l" + "a" * 26,
            worker=self.keys[Party.WORKER].address,
            program=program.root,
            data=root_of_list(self.data_roots),
            start=worker.states[0],
            claimed=worker.states[-1],
            segments=self.segments,
            steps=self.steps,
            operators=len(program.operators),
            slots=len(program.closing),
            data_slots=program.data_slots,
        )
        address, windows = self.keys[Party.CHALLENGER].address, (600, 3600, 0)
        return Terms(record, address, challenger.states[-1], 10**18, *windows, "0x" + "0" * 40, DOMAIN, "1")


def changed(tensor: Tensor, place: int = 0) -> Tensor:
    """The tensor with one bit of one element turned over, high enough not to be rounded away; an exponent's lowest."""
    width = tensor.shape.width
    byte, bit = (width // 2, 0x10) if tensor.shape.columns > 1 else (0, 1)
    at = place * width + byte
    return replace(tensor, data=tensor.data[:at] + bytes([tensor.data[at] ^ bit]) + tensor.data[at + 1 :])


def play_lie(rehearsal: Rehearsal, step: int, operator: int) -> Account:
    """The account of a dispute in which the worker lied about one operator of one step of a long lease.

    Only that step is computed; the other states are made up, alike before the lie and unlike after it.
    """
    state = (rehearsal.tensor("state", 0), rehearsal.tensor("state", 1))
    true = rehearsal.run(state, step)
    false = rehearsal.run(state, step, {operator: changed(true.outputs[operator])})
    honest = _imagine(rehearsal, Party.CHALLENGER, step, true, b"true", false.tensors)
    liar = _imagine(rehearsal, Party.WORKER, step, false, b"false", {})
    speakers = {Party.WORKER: liar.move, Party.CHALLENGER: honest.move}
    return play(rehearsal.terms(liar, honest), rehearsal.keys, speakers)


def _imagine(
    rehearsal: Rehearsal, party: Party, step: int, real: Step, mark: bytes, seen: Mapping[bytes, Tensor]
) -> Holding:
    after = [mark.ljust(28) + place.to_bytes(4, "big") for place in range(step + 2, rehearsal.length + 1)]
    before = [place.to_bytes(HASH_BYTES, "big") for place in range(step)]
    states = [*before, state_root(real.state), state_root(real.after), *after]
    return Holding(rehearsal.keys[party], rehearsal.program, states, lambda _: real, rehearsal.data_roots, seen)
