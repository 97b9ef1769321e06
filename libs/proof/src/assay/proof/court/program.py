"""The program of a step: its operators in order and where each finds its inputs, under one root that the job fixes.

A step takes slots of state and of data, runs its operators, and closes: each slot of the next state is the output of an
operator or a slot of the state before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import TypeAlias, TypeVar

from assay.proof.court.encoding import encode
from assay.proof.court.operations import Operation
from assay.proof.court.tree import root_of_list
from assay.proof.keccak import keccak256

T = TypeVar("T")
OPERATOR, CLOSING = b"assay.operator.1", b"assay.closing.1"


class Place(IntEnum):
    """Where a tensor is found."""

    STATE = 0
    TRACE = 1
    DATA = 2
    CONSTANT = 3


@dataclass(frozen=True, slots=True)
class Source:
    """A tensor by its place: a slot of the state, an earlier operator, a slot of the step's data, or a fixed root."""

    place: Place
    index: int = 0
    root: bytes = b""


@dataclass(frozen=True)
class Operator:
    """An operation and where its inputs are found."""

    operation: Operation
    sources: tuple[Source, ...]

    @cached_property
    def digest(self) -> bytes:
        """The 32 bytes that stand for it in the program."""
        return keccak256(OPERATOR + encode(self))


Find: TypeAlias = Callable[[Source], T]


def finder(state: Sequence[T], data: Sequence[T], outputs: Sequence[T], constants: Mapping[bytes, T]) -> Find[T]:
    """What finds a tensor by its source, in a step's state and data and among the outputs that there are by then."""
    held = {Place.STATE: state, Place.DATA: data, Place.TRACE: outputs}

    def find(source: Source) -> T:
        return constants[source.root] if source.place is Place.CONSTANT else held[source.place][source.index]

    return find


def closing_digest(source: Source) -> bytes:
    """The 32 bytes that stand in the program for a slot of the next state."""
    return keccak256(CLOSING + encode(source))


@dataclass(frozen=True)
class Program:
    """All operators of a step, and the source of each slot of the state that it leaves."""

    operators: tuple[Operator, ...]
    closing: tuple[Source, ...]
    data_slots: int = 0

    @cached_property
    def entries(self) -> Sequence[bytes]:
        """The list that the program's root stands for."""
        return [operator.digest for operator in self.operators] + [closing_digest(source) for source in self.closing]

    @cached_property
    def released(self) -> Sequence[Sequence[int]]:
        """Behind each operator, the outputs that no later one takes and that the next state does not hold."""
        last = {number: number for number in range(len(self.operators))}
        for number, operator in enumerate(self.operators):
            last |= {source.index: number for source in operator.sources if source.place is Place.TRACE}
        for source in self.closing:
            last.pop(source.index if source.place is Place.TRACE else -1, None)
        released: list[list[int]] = [[] for _ in self.operators]
        for index, number in last.items():
            released[number].append(index)
        return released

    @cached_property
    def root(self) -> bytes:
        """The 32 bytes that stand for the program."""
        return root_of_list(self.entries)
