"""Lies for rehearsals: one element of one operator's output of one step, and truly all that follows from it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from assay.proof.court import Op, Place, Program
from assay.proof.court.holding import Holding
from assay.proof.court.machine import Step, state_root
from assay.proof.court.program import finder
from assay.proof.court.rehearsal import changed
from assay.workloads.checkpoint import read_tensors, write_tensors
from assay.workloads.court.execution import Array, array_of, run_operator, step_of, tensor_of
from assay.workloads.court.matter import Matter

LIE_STEP: Final = 2


def lie(holding: Holding, matter: Matter, before: bytes, op: Op = Op.SUB, at: int = LIE_STEP) -> bytes:
    """Have a party hold a false output of one operator of one step, and all that follows; the state it comes to."""
    number = last_of(matter.program, op)
    steps = {at: falsely(matter, holding.step(at), number)}
    for later in range(at + 1, len(matter.data)):
        state = list(map(array_of, steps[later - 1].after))
        steps[later] = step_of(matter.program, state, matter.data[later], matter.constants)
    truth = holding.step
    holding.step = lambda asked: steps[asked] if asked in steps else truth(asked)
    holding.states = [*holding.states[: at + 1], *(state_root(steps[later].after) for later in sorted(steps))]
    return checkpoint_like(before, [array_of(tensor) for tensor in steps[max(steps)].after])


def last_of(program: Program, op: Op) -> int:
    """The last operator of a kind that the next state follows from."""
    followed = {source.index for source in program.closing if source.place is Place.TRACE}
    for number in reversed(range(len(program.operators))):
        operator = program.operators[number]
        if number in followed:
            if operator.operation.op is op:
                return number
            followed |= {source.index for source in operator.sources if source.place is Place.TRACE}
    raise ValueError(f"no state follows from {op.name}")


def falsely(matter: Matter, step: Step, number: int) -> Step:
    """The step with the last element of an operator's output changed, and what follows from it.

    The first would often change nothing: a sequence's first token has nothing but itself to attend to.
    """
    constants = {root: array_of(tensor) for root, tensor in matter.constants.items()}
    outputs = [array_of(tensor) for tensor in step.outputs[:number]]
    shape = step.outputs[number].shape
    outputs.append(array_of(changed(step.outputs[number], shape.rows * shape.columns - 1)))
    find = finder(list(map(array_of, step.state)), list(map(array_of, step.data)), outputs, constants)
    with np.errstate(all="ignore"):
        for operator in matter.program.operators[number + 1 :]:
            outputs.append(run_operator(operator, find))
    made, after = (tuple(map(tensor_of, each)) for each in (outputs, map(find, matter.program.closing)))
    return replace(step, outputs=made, after=after)


def checkpoint_like(before: bytes, state: Sequence[Array]) -> bytes:
    """The checkpoint of this state, which has the tensors of the one before, in the order of their names."""
    named = zip(read_tensors(before).items(), state, strict=True)
    return write_tensors({name: x.view(held.dtype).reshape(held.shape) for (name, held), x in named})
