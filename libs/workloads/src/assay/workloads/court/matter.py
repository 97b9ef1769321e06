"""The matter of a dispute: a segment of work as the court takes it, and what follows from it for record and parties.

All of it is a function of the job and the checkpoint before the segment, so that clerk, provider and verifier come to
the same by themselves.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

from assay.proof.court import Program, Record, root_of_list
from assay.proof.court.holding import Holding
from assay.proof.court.machine import Tensor, state_root
from assay.proof.keys import Key
from assay.workloads.court.execution import Array, Rerun, array_of, run_arrays, tensor_of
from assay.workloads.workload import Inputs

STEPS_HELD = 4


@dataclass(frozen=True)
class Matter:
    """A segment: the program of its steps, the constants it names, each step's data, and how a state is read."""

    program: Program
    constants: Mapping[bytes, Tensor]
    data: Sequence[tuple[Array, ...]]
    read: Callable[[bytes], tuple[Array, ...]]

    @property
    def data_roots(self) -> list[bytes]:
        """The roots of all steps' data, one after the other."""
        return [tensor_of(each).root for step in self.data for each in step]

    def root_of(self, checkpoint: bytes) -> bytes:
        """The root of the state that a checkpoint holds. Raises BadCheckpoint."""
        return state_root([tensor_of(each) for each in self.read(checkpoint)])


@runtime_checkable
class Judgeable(Protocol):
    """A kind of work whose segments the court can take."""

    def start(self, params: Any, inputs: Inputs) -> bytes:
        """Return the checkpoint before segment 0."""
        ...

    def matter(self, params: Any, inputs: Inputs, index: int) -> Matter:
        """Return segment `index` as the court takes it."""
        ...


def record_of(matter: Matter, lease_id: str, worker: str, before: bytes, claimed: bytes) -> Record:
    """What is on record of a segment whose lease says that it leads from one checkpoint to the other."""
    program = matter.program
    return Record(
        lease_id=lease_id,
        worker=worker,
        program=program.root,
        data=root_of_list(matter.data_roots),
        start=matter.root_of(before),
        claimed=matter.root_of(claimed),
        segments=1,
        steps=len(matter.data),
        operators=len(program.operators),
        slots=len(program.closing),
        data_slots=program.data_slots,
    )


@dataclass(frozen=True)
class Walk:
    """All states of a segment from its first, one more than there are steps."""

    matter: Matter
    states: Sequence[tuple[Array, ...]]
    roots: Sequence[bytes] = field(default_factory=list)

    def step(self, number: int) -> Rerun:
        """One step, to be run again for what is asked of it."""
        return Rerun(self.matter.program, self.states[number], self.matter.data[number], self.matter.constants)


def walk(matter: Matter, before: bytes) -> Walk:
    """The segment run from a checkpoint. Raises BadCheckpoint."""
    constants = {root: array_of(tensor) for root, tensor in matter.constants.items()}
    states = [matter.read(before)]
    for data in matter.data:
        states.append(run_arrays(matter.program, states[-1], data, constants))
    return Walk(matter, states, [state_root([tensor_of(each) for each in state]) for state in states])


def hold(matter: Matter, key: Key, before: bytes) -> Holding:
    """What a party holds that tells the truth as its machine finds it. Raises BadCheckpoint."""
    walked = walk(matter, before)
    step = lru_cache(STEPS_HELD)(walked.step)
    return Holding(key, matter.program, walked.roots, step, matter.data_roots)
