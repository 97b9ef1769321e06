"""Fine-tuning as the court takes it: its program comes to what training comes to, and follows from the job alone."""

from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from assay.proof.court import Op, Place, integers, limits
from assay.proof.court.judge import spans_of
from assay.proof.court.machine import Step, Tensor
from assay.proof.court.operations import Operation
from assay.workloads import ignore_progress, updating, workload
from assay.workloads.court import Matter, derivation
from assay.workloads.court.execution import Rerun, descale, run_arrays, tensor_of
from assay.workloads.court.finetuning import DATA_BYTES_MAX
from assay.workloads.court.matter import walk
from assay.workloads.court.placing import Placed, PlacingTracer, strides_of
from assay.workloads.errors import BadCheckpoint, NotJudged
from assay.workloads.forward import loss_of
from assay.workloads.numerics import NotExact, trace

SAMPLES = 2
FORMS: dict[str, dict[str, Any]] = {
    "lora": {},
    "accumulated, clipped and warmed up": {
        "batch": 1,
        "accumulate": 2,
        "clip_norm": 0.05,
        "schedule": "cosine",
        "warmup_steps": 2,
        "targets": ["down_proj", "k_proj"],
        "lora_layers": 1,
    },
    "full": {"method": "full", "batch": 1},
}


def matter_of(bench: Any, index: int = 0, **changes: Any) -> Matter:
    params = bench.params(numerics="exact", **changes)
    matter: Matter = workload("finetune").matter(params, bench.inputs, index)  # type: ignore[attr-defined]
    return matter


@pytest.mark.parametrize("form", FORMS)
def test_the_program_comes_to_the_very_states_that_training_comes_to(bench: Any, form: str) -> None:
    work, params = workload("finetune"), bench.params(numerics="exact", **FORMS[form])
    before = work.start(params, bench.inputs)
    for index in range(2):
        matter = matter_of(bench, index, **FORMS[form])
        after = work.run(params, bench.inputs, before, index, ignore_progress).state
        assert walk(matter, before).roots[-1] == matter.root_of(after) != matter.root_of(before)
        before = after


@pytest.mark.parametrize("form", ["lora", "full"])
def test_the_court_computes_every_operator_of_the_step_to_the_same_bits(bench: Any, form: str) -> None:
    matter = matter_of(bench, **FORMS[form])
    params = bench.params(numerics="exact", **FORMS[form])
    step = whole(walk(matter, workload("finetune").start(params, bench.inputs)).step(1))
    dice, judged = np.random.default_rng(3), set[Op]()
    for operator, output in zip(matter.program.operators, step.outputs, strict=True):
        inputs = step.tensors_at(operator.sources)
        for place in dice.integers(0, operator.operation.rows * operator.operation.columns, SAMPLES):
            assert element(operator.operation, inputs, int(place)) == word(output, int(place)), operator.operation
        judged.add(operator.operation.op)
    assert {Op.DOT, Op.GATHER, Op.LAYOUT, Op.SELECT, Op.XOR, Op.MUL_LO, Op.ROW_MAX, Op.SQRT} <= judged


def whole(step: Rerun) -> Step:
    """All outputs of the step at once."""
    outputs = list[Tensor]()

    def hear(_: int, output: Any) -> Any:
        outputs.append(tensor_of(output))
        return output

    run_arrays(step.program, step.before, step.data, step.arrays, hear)
    data, constants = tuple(map(tensor_of, step.data)), tuple(step.constants.values())
    return Step(step.state, data, tuple(outputs), step.after, constants)


def test_a_step_that_is_run_again_holds_what_one_operator_takes_and_finds_what_the_whole_step_does(bench: Any) -> None:
    matter = matter_of(bench)
    lean = walk(matter, workload("finetune").start(bench.params(numerics="exact"), bench.inputs)).step(1)
    step = whole(lean)
    assert lean.output_roots == step.output_roots and lean.after == step.after
    for number in (0, 7, len(step.outputs) // 2, len(step.outputs) - 1):
        sources = matter.program.operators[number].sources
        assert lean.output(number) == step.outputs[number]
        assert lean.tensors_at(sources) == step.tensors_at(sources)
        assert len(lean._held) <= 1 + len(sources)


def test_an_output_is_let_go_of_after_its_last_use_unless_the_next_state_holds_it(bench: Any) -> None:
    program = matter_of(bench).program
    kept = {source.index for source in program.closing if source.place is Place.TRACE}
    released = [index for each in program.released for index in each]
    assert sorted(released) == sorted(set(range(len(program.operators))) - kept)
    gone = set[int]()
    for operator, after in zip(program.operators, program.released, strict=True):
        assert not gone & {source.index for source in operator.sources if source.place is Place.TRACE}
        gone |= set(after)


def element(operation: Operation, inputs: list[Tensor], place: int) -> int:
    operands = list[list[int]]()
    for number, tensor in enumerate(inputs):
        places = [
            span.row * tensor.shape.columns + column
            for span in spans_of(operation, number, place, operands)
            for column in range(span.first, span.last)
        ]
        operands.append([word(tensor, each) for each in places])
    return operation.rule.evaluate(operation.parameters, operands)


def word(tensor: Tensor, place: int) -> int:
    width = tensor.shape.width
    return int.from_bytes(tensor.data[place * width : (place + 1) * width], "little")


def test_jobs_that_differ_in_data_and_rates_alone_have_one_program_however_often_it_is_derived(bench: Any) -> None:
    first = matter_of(bench).program.root
    derivation._derive.cache_clear()
    other = bench.with_text(b"five wizards boxed, and jumped quickly; " * 60)
    assert matter_of(other, 1, seed=3, learning_rate=0.1, weight_decay=0.0, schedule="cosine").program.root == first
    assert matter_of(bench, lora_rank=3).program.root != first


def test_the_frozen_model_is_fixed_by_the_program_and_not_held_in_the_state(bench: Any) -> None:
    matter = matter_of(bench)
    state = matter.read(workload("finetune").start(bench.params(numerics="exact"), bench.inputs))
    named = {source.root for each in matter.program.operators for source in each.sources if source.root}
    assert named <= matter.constants.keys()
    assert max(len(tensor.data) for tensor in matter.constants.values()) == 4 * 258 * 32
    assert max(each.size for each in state) == 2 * 32


def test_a_state_counts_its_steps(bench: Any) -> None:
    before = workload("finetune").start(bench.params(numerics="exact"), bench.inputs)
    counts = [int(state[-1].view("<i8")[0, 0]) for state in walk(matter_of(bench), before).states]
    assert counts == [0, 1, 2]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"numerics": "native"}, "exact"),
        ({"data_form": "chat"}, "plain text"),
        ({"method": "full", "batch": 4}, "SUM_AT over 64"),
    ],
)
def test_work_without_a_program_that_could_be_judged_is_refused(bench: Any, changes: Any, why: str) -> None:
    params = bench.params(**{"numerics": "exact", **changes})
    with pytest.raises(NotJudged, match=why):
        workload("finetune").matter(params, bench.inputs, 0)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("limit", "why"), [("OPERATORS_MAX", "200 operators"), ("OUTPUT_BYTES_MAX", "200 bytes")])
def test_a_trace_ends_at_the_first_operator_that_is_too_much(
    bench: Any, monkeypatch: Any, limit: str, why: str
) -> None:
    monkeypatch.setattr(limits, limit, 200)
    with pytest.raises(NotJudged, match=why):
        matter_of(bench, lora_rank=5)


def test_a_long_text_is_refused_before_it_is_read_into_tokens(bench: Any) -> None:
    with pytest.raises(NotJudged, match="bytes"):
        matter_of(bench.with_text(bytes(DATA_BYTES_MAX + 1)))


def test_the_data_are_read_once(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read, digests = bench.inputs.read, list[str]()

    def counted(digest: str) -> bytes:
        digests.append(digest)
        return read(digest)

    monkeypatch.setattr(type(bench.inputs), "read", lambda _, digest: counted(digest))
    matter_of(bench)
    assert len(digests) == 1


def test_too_many_tokens_of_a_wide_vocabulary_are_refused_before_the_model_is_loaded(bench: Any, tmp_path: Any) -> None:
    (tmp_path / "config.json").write_text('{"vocab_size": 49152}')
    save_file({"weights": np.zeros(10)}, tmp_path / "model.safetensors")
    derivation.check_form(bench.params(numerics="exact", batch=1, sequence_tokens=64), tmp_path)
    with pytest.raises(NotJudged, match="49152"):
        derivation.check_form(bench.params(numerics="exact", batch=16, sequence_tokens=1024), tmp_path)


def test_a_model_whose_trace_would_fill_a_machine_is_refused_before_it_is_loaded(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(derivation, "PARAMETERS_MAX", 1000)
    with pytest.raises(NotJudged, match=r"model of \d+ parameters"):
        matter_of(bench)


def test_a_step_that_looks_at_its_data_has_no_program(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def peeking(params: Any, adapted: Any, batch: Any) -> Any:
        return loss_of(params, adapted, batch) * (1.0 + int(batch.tokens[0, 0]) / 1000)

    monkeypatch.setattr(updating, "loss_of", peeking)
    derivation._derive.cache_clear()
    with pytest.raises(NotJudged, match="depends on its data"):
        matter_of(bench)
    derivation._derive.cache_clear()


def placed(function: Any, *state: torch.Tensor) -> Placed:
    found = Placed()
    for number, tensor in enumerate(state):
        found.enter(tensor, Place.STATE, number)
    trace(lambda: function(*state), PlacingTracer(found))
    return found


def test_equal_tensors_in_two_places_are_two() -> None:
    x, y = torch.ones(2, 3), torch.ones(2, 3)
    (operator,) = placed(lambda x, y: x.sub_(y), x, y).builder.operators
    assert [source.index for source in operator.sources] == [0, 1]


def test_a_place_that_torch_has_given_away_again_is_another_tensor() -> None:
    def step(x: torch.Tensor) -> None:
        for _ in range(20):
            x.sub_(x * x)

    operators = placed(step, torch.rand(64, 64)).builder.operators
    names = [[(source.place, source.index) for source in operator.sources] for operator in operators]
    last = [(Place.STATE, 0), *((Place.TRACE, number) for number in range(1, 40, 2))]
    assert names == [
        each for x, at in zip(last[:-1], range(0, 40, 2), strict=True) for each in ([x, x], [x, (Place.TRACE, at)])
    ]


def test_what_torch_has_let_go_of_is_not_held_by_a_trace() -> None:
    def step(x: torch.Tensor) -> None:
        for _ in range(20):
            x.sub_(x * x)

    found = placed(step, torch.rand(64, 64))
    assert all(found.tensors[name].is_meta for name in found.places)
    assert sum(not storage.expired() for storage in found._storages.values()) < 5


def test_a_sum_beyond_the_53_bits_of_a_float64_is_rounded_once() -> None:
    dice = np.random.default_rng(4)
    sums = dice.integers(-(2**62), 2**62, 2000) >> dice.integers(0, 20, 2000)
    # Halves of a last place, and one more or less: what is rounded twice goes to the wrong side.
    sums[:1000] = (2**24 + dice.integers(0, 2**24, 1000)) * 2**34 + 2**33 + dice.integers(-1, 2, 1000)
    places = dice.integers(-20, 60, 2000).astype("<i4")
    wanted = [
        integers.descale(int(n) & integers.LONG, int(t) & integers.WORD) for n, t in zip(sums, places, strict=True)
    ]
    assert descale(sums, places).view("<u4").tolist() == wanted


def test_what_is_written_to_unseen_ends_the_trace() -> None:
    def step(x: torch.Tensor) -> None:
        x.fill_(3.0)
        x.add_(x)

    with pytest.raises(NotExact, match="written to"):
        placed(step, torch.ones(2, 3))


@pytest.mark.parametrize(
    "view", [lambda x: x.mT, lambda x: x[:, 1:, ::2], lambda x: x.expand(5, *x.shape), lambda x: x[0], lambda x: x]
)
def test_a_view_is_told_by_its_strides(view: Any) -> None:
    places = view(torch.arange(24).view(2, 3, 4)).reshape(-1).numpy()
    found = strides_of(places)
    assert found is not None
    at, index = np.arange(len(places)), np.full(len(places), found[0])
    for size, stride in found[1]:
        at, coordinate = np.divmod(at, size)
        index += coordinate * stride
    assert index.tolist() == places.tolist() and not at.any()


def test_places_that_follow_no_strides_are_told_one_by_one() -> None:
    assert strides_of(np.array([0, 1, 3, 2])) is None and strides_of(np.array([0, -1])) is None
    assert strides_of(np.array([0, 1, 2, 3, 10])) is None


def test_a_checkpoint_of_another_shape_is_no_state(bench: Any) -> None:
    other = workload("finetune").start(bench.params(numerics="exact", lora_rank=3), bench.inputs)
    with pytest.raises(BadCheckpoint):
        matter_of(bench).read(other)
