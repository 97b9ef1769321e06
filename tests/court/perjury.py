"""A lie that a court can find: one element of one operator's output of one step, and truly all that follows from it."""

from assay.proof.court import Op
from assay.proof.court.holding import Holding
from assay.proof.court.machine import run_step
from assay.proof.court.rehearsal import changed
from assay.workloads.court import Matter
from assay.workloads.court.execution import array_of, tensor_of
from assay.workloads.regression import write_state

LIE_STEP = 2


def lie(holding: Holding, matter: Matter) -> bytes:
    """Have a party hold a false output of one operator of one step, and all that follows; the state it comes to."""
    operator = next(at for at, each in enumerate(matter.program.operators) if each.operation.op is Op.SUB)
    steps = {LIE_STEP: holding.step(LIE_STEP)}
    wrong = {operator: changed(steps[LIE_STEP].outputs[operator])}
    for number in range(LIE_STEP, len(matter.data)):
        state = steps[number - 1].after if number > LIE_STEP else steps[number].state
        data = [tensor_of(each) for each in matter.data[number]]
        steps[number] = run_step(matter.program, state, data, matter.constants, wrong if number == LIE_STEP else None)
    truth = holding.step
    holding.step = lambda number: steps[number] if number in steps else truth(number)
    holding.states = [*holding.states[: LIE_STEP + 1], *(steps[number].after_root for number in sorted(steps))]
    return write_state(tuple(array_of(tensor) for tensor in steps[max(steps)].after))
