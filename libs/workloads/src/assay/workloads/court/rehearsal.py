"""Lies for rehearsals: one element of one operator's output of one step, and truly all that follows from it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, cast

import numpy as np

from assay.proof.court import Op, Operation, Place, Program
from assay.proof.court.holding import Holding, parts_in
from assay.proof.court.integers import LONG
from assay.proof.court.machine import Tensor, state_root
from assay.proof.court.rehearsal import changed
from assay.workloads.checkpoint import read_tensors, write_tensors
from assay.workloads.court.execution import Array, Rerun, array_of, tensor_of
from assay.workloads.court.matter import Matter

LIE_STEP: Final = 2


def false_parts(operation: Operation, inputs: Sequence[Tensor], word: int) -> list[int]:
    """Parts that make this word: the last takes the lie upon it in a sum, and each does elsewhere."""
    true = parts_in(operation, inputs, word)
    return [*true[:-1], true[-1] + word - sum(true) & LONG] if operation.op is Op.DOT_PARTS else [word] * len(true)


def lie(holding: Holding, matter: Matter, before: bytes, op: Op = Op.SUB, at: int = LIE_STEP) -> bytes:
    """Have a party hold a false output of the last operator of a kind in one step, and all that follows; the state."""
    return lie_about(holding, matter, before, last_of(matter.program, op), at)


def lie_about(holding: Holding, matter: Matter, before: bytes, number: int, at: int = LIE_STEP) -> bytes:
    """Have a party hold a false output of one operator of one step, and all that follows; the state it comes to."""
    holding.words_of = false_parts
    steps = {at: replace(cast(Rerun, holding.step(at)), amend=falsely(number))}
    for later in range(at + 1, len(matter.data)):
        state = list(map(array_of, steps[later - 1].after))
        steps[later] = Rerun(matter.program, state, matter.data[later], matter.constants)
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


def falsely(lied: int) -> Callable[[int, Array], Array]:
    """What changes the last element of one operator's output.

    The first would often change nothing: a sequence's first token has nothing but itself to attend to.
    """

    def amend(number: int, output: Array) -> Array:
        if number != lied:
            return output
        # A column is taken for exponents, of which the lowest bit is changed; in a float that may be rounded away.
        row = output.reshape(1, -1) if output.dtype == np.float32 else output
        return array_of(changed(tensor_of(row), output.size - 1)).reshape(output.shape)

    return amend


def checkpoint_like(before: bytes, state: Sequence[Array]) -> bytes:
    """The checkpoint of this state, which has the tensors of the one before, in the order of their names."""
    named = zip(read_tensors(before).items(), state, strict=True)
    return write_tensors({name: x.view(held.dtype).reshape(held.shape) for (name, held), x in named})
