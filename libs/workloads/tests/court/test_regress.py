"""Regression as the court takes it: its fast steps are those of the court's machine, and a lie ends on its operator."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay.proof.court import Op
from assay.proof.court.game import advance, summon
from assay.proof.court.holding import Holding
from assay.proof.court.machine import run_step
from assay.proof.court.moves import Party, sign_move
from assay.proof.court.rehearsal import changed
from assay.proof.court.terms import Terms
from assay.proof.digest import blake3_hex
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from assay.workloads import BadData, HeldInputs, ModelStore, ignore_progress
from assay.workloads.checkpoint import read_tensors, write_tensors
from assay.workloads.court import Matter, hold, record_of
from assay.workloads.court.execution import tensor_of
from assay.workloads.regress import Regress, RegressParams
from assay.workloads.regression import read_state

WORK = Regress()
NOBODY = "0x" + "0" * 40
KEYS = {party: Key.generate() for party in (Party.WORKER, Party.CHALLENGER)}


def rows(count: int = 12) -> bytes:
    dice = np.random.default_rng(5)
    x = dice.standard_normal((count, 5)).astype(np.float32)
    return write_tensors({"x": x, "y": (x[:, :2] - 2 * x[:, 2:4]).astype(np.float32)})


DATA = rows()
INPUTS = HeldInputs(ModelStore(Path()), {blake3_hex(DATA): DATA})
PARAMS = RegressParams(
    data=blake3_hex(DATA), features=5, hidden=3, outputs=2, batch=4, steps=10, segment_steps=5, learning_rate=0.1
)


def run(index: int, before: bytes) -> bytes:
    return WORK.run(PARAMS, INPUTS, before, index, ignore_progress).state


@pytest.fixture(scope="module")
def matter() -> Matter:
    return WORK.matter(PARAMS, INPUTS, 1)


@pytest.fixture(scope="module")
def before() -> bytes:
    return run(0, WORK.start(PARAMS, INPUTS))


def test_it_learns() -> None:
    params = PARAMS.model_copy(update={"steps": 300, "segment_steps": 300, "batch": 12})
    state = WORK.start(params, INPUTS)
    tensors = read_tensors(DATA)

    def loss(state: bytes) -> float:
        first, second = read_state(state, params)
        return float(np.square(np.maximum(tensors["x"] @ first.T, 0) @ second.T - tensors["y"]).mean())

    assert loss(WORK.run(params, INPUTS, state, 0, ignore_progress).state) < 0.5 * loss(state)


def test_a_fast_step_has_the_bits_of_the_courts_machine_in_every_operator(matter: Matter, before: bytes) -> None:
    fast = hold(matter, KEYS[Party.WORKER], before).step(0)
    slow = run_step(matter.program, fast.state, [tensor_of(each) for each in matter.data[0]], matter.constants)
    assert fast.output_roots == slow.output_roots
    assert fast.after == slow.after


def test_the_last_state_of_a_holding_is_the_checkpoint_that_the_workload_makes(matter: Matter, before: bytes) -> None:
    after = run(1, before)
    holding = hold(matter, KEYS[Party.WORKER], before)
    record = record_of(matter, "l" + "a" * 26, KEYS[Party.WORKER].address, before, after)
    assert (record.start, record.claimed) == (holding.states[0], holding.states[-1]) and record.steps == 5


@pytest.mark.parametrize("part", ["x", "rows"])
def test_data_that_does_not_fit_is_the_jobs_fault(part: str) -> None:
    tensors = read_tensors(DATA)
    broken = {"x": tensors["x"][:, :4]} if part == "x" else {"x": tensors["x"][:0], "y": tensors["y"][:0]}
    data = write_tensors(dict(tensors) | broken)
    inputs = HeldInputs(ModelStore(Path()), {PARAMS.data: data})
    with pytest.raises(BadData):
        WORK.matter(PARAMS, inputs, 0)


def tell_a_lie(matter: Matter, holding: Holding, at: int, operator: int) -> None:
    """Have a party hold a false output of one operator of one step, and all that follows from it."""
    true, steps = holding.step(at), {}
    wrong = changed(true.output(operator))
    for number in range(at, len(matter.data)):
        state = steps[number - 1].after if number > at else true.state
        lies = {operator: wrong} if number == at else None
        data = [tensor_of(each) for each in matter.data[number]]
        steps[number] = run_step(matter.program, state, data, matter.constants, lies)
    truth = holding.step
    holding.step = lambda number: steps[number] if number in steps else truth(number)
    holding.states = [*holding.states[: at + 1], *(steps[number].after_root for number in sorted(steps))]


@pytest.mark.parametrize("liar", [Party.WORKER, Party.CHALLENGER])
def test_a_lie_about_one_operator_of_one_step_is_found_by_the_search(
    matter: Matter, before: bytes, liar: Party
) -> None:
    holdings = {party: hold(matter, key, before) for party, key in KEYS.items()}
    operator = next(at for at, each in enumerate(matter.program.operators) if each.operation.op is Op.SUB)
    tell_a_lie(matter, holdings[liar], 2, operator)
    record = record_of(matter, "l" + "a" * 26, KEYS[Party.WORKER].address, before, before)
    record = replace(record, claimed=holdings[Party.WORKER].states[-1])
    countered, challenger = holdings[Party.CHALLENGER].states[-1], KEYS[Party.CHALLENGER].address
    terms = Terms(record, challenger, countered, 1, 60, 60, 0, NOBODY, Domain(1, NOBODY), "1")
    dispute, last = summon(record, terms, 0), None
    while not dispute.is_over:
        last = holdings[dispute.turn].move(dispute, last)
        assert last is not None
        dispute = advance(dispute, sign_move(KEYS[dispute.turn], terms, dispute.last, last), 0)
    assert (dispute.at_fault, dispute.cause) == ({liar}, "judged")
    assert (dispute.step, dispute.interval.low) == (2, operator)
