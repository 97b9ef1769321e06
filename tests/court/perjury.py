"""A lie that a court can find: one element of one operator's output of one step, and truly all that follows from it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from assay.proof.court import Op
from assay.proof.court.holding import Holding
from assay.proof.court.machine import Step, state_root
from assay.proof.court.program import finder
from assay.proof.court.rehearsal import changed
from assay.workloads.checkpoint import read_tensors, write_tensors
from assay.workloads.court import Matter
from assay.workloads.court.execution import Array, array_of, run_operator, step_of, tensor_of

LIE_STEP = 2


def lie(holding: Holding, matter: Matter, before: bytes, op: Op = Op.SUB, at: int = LIE_STEP) -> bytes:
    """Have a party hold a false output of one operator of one step, and all that follows; the state it comes to.

    It is the last operator of its kind: nothing after it may make the lie good.
    """
    number = max(place for place, each in enumerate(matter.program.operators) if each.operation.op is op)
    steps = {at: falsely(matter, holding.step(at), number)}
    for later in range(at + 1, len(matter.data)):
        state = list(map(array_of, steps[later - 1].after))
        steps[later] = step_of(matter.program, state, matter.data[later], matter.constants)
    truth = holding.step
    holding.step = lambda asked: steps[asked] if asked in steps else truth(asked)
    holding.states = [*holding.states[: at + 1], *(state_root(steps[later].after) for later in sorted(steps))]
    return checkpoint_like(before, [array_of(tensor) for tensor in steps[max(steps)].after])


def falsely(matter: Matter, step: Step, number: int) -> Step:
    """The step with one element of an operator's output changed, and what follows from it."""
    constants = {root: array_of(tensor) for root, tensor in matter.constants.items()}
    outputs = [array_of(tensor) for tensor in step.outputs[:number]]
    outputs.append(array_of(changed(step.outputs[number])))
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
