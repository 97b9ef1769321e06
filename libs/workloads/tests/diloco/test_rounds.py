"""Rounds as jobs: a course of two members on the tiny model, each state made again by whoever holds its inputs."""

import json
from typing import Any

import numpy as np
import pytest
from libs.workloads.tests.conftest import Bench

from assay.proof.digest import blob_digest
from assay.workloads import (
    BadCheckpoint,
    BadData,
    BadParams,
    HeldInputs,
    SegmentResult,
    ignore_progress,
    read_params,
    workload,
)
from assay.workloads.checkpoint import read_checkpoint, write_tensors
from assay.workloads.diloco import states
from assay.workloads.diloco.course import begin, open_course
from assay.workloads.diloco.packing import pack
from assay.workloads.diloco.space import open_space

SIZES = {"inner_steps": 4, "sequence_tokens": 16, "batch": 2, "threads": 1, "learning_rate": 0.01}


class Table:
    """The blobs of a course, and the hands that do its jobs."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.blobs = bench, {bench.data: bench.text}

    @property
    def inputs(self) -> HeldInputs:
        return HeldInputs(self.bench.store, self.blobs)

    def put(self, data: bytes) -> str:
        self.blobs[blob_digest(data)] = data
        return blob_digest(data)

    def params(self, **changes: Any) -> Any:
        return read_params("diloco", {"model": self.bench.model, "data": self.bench.data, **SIZES, **changes})

    def chain(self, **changes: Any) -> list[SegmentResult]:
        """All segments of a member's round."""
        work, params = workload("diloco"), self.params(**changes)
        state, done = work.start(params, self.inputs), []
        for index in range(len(work.plan(params))):
            done.append(work.run(params, self.inputs, state, index, ignore_progress))
            state = done[-1].state
        return done

    def result(self, **changes: Any) -> str:
        """The digest of a member's result."""
        return self.put(workload("diloco").result(self.params(**changes), self.chain(**changes)[-1].state))

    def outer(self, **changes: Any) -> bytes:
        """What an outer job makes."""
        work, params = workload("diloco-outer"), read_params("diloco-outer", {"model": self.bench.model, **changes})
        return work.run(params, self.inputs, work.start(params, self.inputs), 0, ignore_progress).state


@pytest.fixture(scope="module")
def table(bench: Bench) -> Table:
    return Table(bench)


def test_a_round_lowers_the_loss_and_is_the_same_when_done_again(table: Table) -> None:
    history: list[list[str]] = []
    for number in range(3):
        said = {"history": history, "round": number, "compress": "int2"}
        history.append([table.result(seed=member, **said) for member in (0, 1)])
    first, last = (table.chain(history=history[:n], round=3, compress="int2")[-1].metrics["loss"] for n in (0, 3))
    assert last < first
    assert [table.result(seed=member, compress="int2") for member in (0, 1)] == history[0]


def test_a_cut_round_comes_to_what_a_whole_one_does(table: Table) -> None:
    whole, cut = table.chain()[-1], table.chain(segment_steps=2)
    assert cut[-1].state == whole.state and len(cut) == 2
    again = workload("diloco").run(table.params(segment_steps=2), table.inputs, cut[0].state, 1, ignore_progress)
    assert again.state_digest == whole.state_digest
    with pytest.raises(BadCheckpoint, match="begins after 2"):
        states_of_the_third = table.chain(segment_steps=1)[0].state
        workload("diloco").run(table.params(segment_steps=2), table.inputs, states_of_the_third, 1, ignore_progress)


def test_honest_machines_that_round_differently_are_near_after_each_segment_of_a_cut_round(table: Table) -> None:
    work, params = workload("diloco"), table.params(segment_steps=2)
    start = work.start(params, table.inputs)
    first = table.chain(segment_steps=2)[0].state
    honest, weights = read_checkpoint(first), read_checkpoint(start)
    rounded = {name: each if name == "step" else each * np.float32(1 + 1e-7) for name, each in honest.items()}
    half = {name: each if name == "step" else (each + weights[name]) / 2 for name, each in honest.items()}
    assert 0 < work.distance(first, write_tensors(rounded), start) < 3e-4
    assert work.distance(first, write_tensors(half), start) > 0.1
    work.check_place(params, work.form(start), first, 1)  # type: ignore[attr-defined]
    for false, closed in ((first, 2), (start, 1), (table.chain()[-1].state, 1)):
        with pytest.raises(BadCheckpoint):
            work.check_place(params, work.form(start), false, closed)  # type: ignore[attr-defined]


def test_exact_numerics_and_an_adapter_go_the_same_way(table: Table) -> None:
    native, exact = table.chain()[-1], table.chain(numerics="exact")[-1]
    apart = workload("diloco").distance(native.state, exact.state, states.BEGIN)
    assert 0 <= apart < 0.01
    result = table.result(lora_rank=2)
    model = table.outer(lora_rank=2, history=[[result]], makes="model")
    assert json.loads(model[8 : 8 + int.from_bytes(model[:8], "little")])["__metadata__"]


def test_an_outcome_names_who_counted_and_leaves_out_what_cannot_be_read(table: Table) -> None:
    good, bad = [table.result(seed=member) for member in (0, 1)], table.put(b"nothing that anybody would send")
    outcome = json.loads(table.outer(results=[*good, bad]))
    assert outcome["counted"] == good and list(outcome["refused"]) == [bad]
    assert set(outcome["scores_ppm"]) == set(good) and min(outcome["scores_ppm"].values()) > 0
    params = read_params("diloco-outer", {"model": table.bench.model, "history": [[*good, bad]], "makes": "model"})
    assert open_course(params, table.inputs)[1].digest == outcome["state"]
    with pytest.raises(BadData, match="None of the 1 results"):
        table.outer(results=[bad])


def test_a_keyframe_takes_the_place_of_the_past_and_the_model_is_what_it_comes_to(table: Table) -> None:
    history = [[table.result()]]
    history.append([table.result(history=history, round=1)])
    frame = table.put(table.outer(history=history, makes="keyframe"))
    assert table.result(keyframe=frame, round=2) == table.result(history=history, round=2)
    model = table.outer(keyframe=frame, makes="model")
    assert model == table.outer(history=history, makes="model")
    assert workload("diloco-outer").digest(model) != workload("diloco-outer").digest(table.blobs[frame])
    with pytest.raises(BadData, match="keyframe does not fit"):
        table.outer(keyframe=table.put(b"no keyframe"), makes="model")


def test_what_a_code_left_out_is_carried_into_the_next_round(table: Table) -> None:
    first = table.result(feedback=True, compress="topk", keep=8)
    state = table.blobs[first]
    packed, carried = states.parted(state)
    assert carried is not None and np.abs(carried).max() > 0
    history = [[first]]
    more = {"history": history, "round": 1, "compress": "topk", "keep": 8, "feedback": True}
    assert table.result(**more) != table.result(**more, carried=first)
    assert workload("diloco").distance(state, state, states.BEGIN) == 0
    with pytest.raises(BadCheckpoint):
        states.digest(state[:-4])
    with pytest.raises(BadData, match="carried"):
        table.result(**more, carried=table.put(packed))


def test_a_lazy_or_poisoned_result_is_far_from_the_replayed_one(table: Table) -> None:
    space = open_space(table.params(), table.bench.store)
    honest = table.chain()[-1].state
    way, _ = states.read_last(honest)
    random = np.random.default_rng(1)
    cheats = {
        "nothing": np.zeros_like(way),
        "half": way * np.float32(0.5),
        "one part in a hundred": (way + random.normal(size=len(way)).astype(np.float32) * way.std() * 0.05),
        "turned round": -way,
    }
    assert len(way) == len(begin(space.start).weights)
    for name, cheat in cheats.items():
        assert workload("diloco").distance(honest, pack(cheat.astype(np.float32), "int4"), states.BEGIN) > 3e-3, name


@pytest.mark.parametrize(
    "odd",
    [
        {"segment_steps": 3},
        {"carried": "0" * 64},
        {"history": [["0" * 64] * 32, ["0" * 64] * 32]},
        {"compress": "int3"},
        {"clip": 0.5},
    ],
)
def test_parameters_that_make_no_round_are_refused(table: Table, odd: dict[str, Any]) -> None:
    with pytest.raises(BadParams):
        table.params(**odd)


def test_an_outer_job_names_all_that_it_builds_on(table: Table) -> None:
    some = ["1" * 64, "2" * 64]
    params = read_params("diloco-outer", {"model": table.bench.model, "history": [some], "results": ["3" * 64]})
    assert workload("diloco-outer").inputs(params) == [*some, "3" * 64]
    with pytest.raises(BadParams):
        read_params("diloco-outer", {"model": table.bench.model, "results": some, "makes": "model"})
