"""A fine-tuning job in one process: the chain of its segments, and what ends it."""

from typing import Any

import numpy as np
import pytest

from assay.workloads import BadCheckpoint, BadParams, Progress, SegmentResult, ignore_progress, workload
from assay.workloads.base_model import load_adapted
from assay.workloads.checkpoint import read_checkpoint, write_tensors
from assay.workloads.errors import Diverged
from assay.workloads.finetune import Finetune
from assay.workloads.updating import learning_rate

FINETUNE = Finetune()
HONEST_MAX = 3e-4


def test_a_resumed_job_ends_in_the_same_bits_as_an_uninterrupted_one(
    bench: Any, start: bytes, chain: list[SegmentResult]
) -> None:
    assert bench.chain(start, range(3))[-1].state == chain[-1].state
    for index, closed in enumerate(chain[:-1], start=1):
        assert bench.chain(closed.state, range(index, 3))[-1].state == chain[-1].state


def test_how_a_job_is_cut_in_segments_does_not_change_its_end(
    bench: Any, start: bytes, chain: list[SegmentResult]
) -> None:
    assert bench.chain(start, range(1), segment_steps=6)[-1].state_digest == chain[-1].state_digest


def test_every_segment_moves_the_state_and_says_its_digest(start: bytes, chain: list[SegmentResult]) -> None:
    states = [start, *(closed.state for closed in chain)]
    assert len({FINETUNE.digest(state) for state in states}) == 4
    assert all(FINETUNE.digest(closed.state) == closed.state_digest for closed in chain)
    assert [int(read_checkpoint(state)["step"][0]) for state in states] == [0, 2, 4, 6]


def test_a_segment_tells_every_step_and_costs_what_was_planned(bench: Any, start: bytes) -> None:
    told: list[Progress] = []
    closed = FINETUNE.run(bench.params(), bench.inputs, start, 0, told.append)
    assert [(progress.done, progress.total) for progress in told] == [(1, 2), (2, 2)]
    assert {"loss", "step", "tokens_per_s"} <= told[0].metrics.keys()
    assert closed.units == FINETUNE.plan(bench.params())[0] == 2 * 2 * 16


CHEATS = {
    "other data order": {"seed": 1},
    "half the batch": {"batch": 1},
    "a higher rate": {"learning_rate": 0.011},
    "shorter sequences": {"sequence_tokens": 15},
    "no weight decay": {"weight_decay": 0.0},
}


@pytest.mark.parametrize("cheat", CHEATS.values(), ids=CHEATS.keys())
def test_other_work_than_the_job_ends_far_from_it(
    bench: Any, start: bytes, chain: list[SegmentResult], cheat: dict[str, float]
) -> None:
    claimed = bench.chain(start, range(1), **cheat)[-1].state
    assert FINETUNE.distance(chain[0].state, claimed, start) > 3 * HONEST_MAX


def test_a_state_of_an_earlier_segment_or_of_no_work_is_far(start: bytes, chain: list[SegmentResult]) -> None:
    stale = dict(read_checkpoint(start)) | {"step": np.array([2], "<i8")}
    assert FINETUNE.distance(chain[0].state, write_tensors(stale), start) == pytest.approx(1)
    assert FINETUNE.distance(chain[1].state, chain[0].state, start) > 1


def test_a_checkpoint_of_another_step_or_job_is_refused(bench: Any, start: bytes, chain: list[SegmentResult]) -> None:
    for params, state, index in (
        (bench.params(), start, 1),
        (bench.params(), chain[0].state, 0),
        (bench.params(lora_rank=4), start, 0),
        (bench.params(targets=["o_proj"]), start, 0),
    ):
        with pytest.raises(BadCheckpoint):
            FINETUNE.run(params, bench.inputs, state, index, ignore_progress)


def test_a_segment_outside_the_job_is_refused(bench: Any, start: bytes) -> None:
    with pytest.raises(BadParams, match="Segment 3 is not in a job of 3 segments"):
        FINETUNE.run(bench.params(), bench.inputs, start, 3, ignore_progress)


def test_training_that_leaves_the_finite_numbers_is_said_so(bench: Any, start: bytes) -> None:
    huge = {name: np.full_like(values, 1e38) for name, values in read_checkpoint(start).items() if name != "step"}
    state = write_tensors({**huge, "step": np.zeros(1, "<i8")})
    with pytest.raises(Diverged, match="step 0"):
        FINETUNE.run(bench.params(), bench.inputs, state, 0, ignore_progress)


def test_training_lowers_the_loss_on_text_it_has_not_seen(bench: Any, start: bytes) -> None:
    job = {"steps": 40, "segment_steps": 40, "learning_rate": 0.05, "lora_rank": 8}
    params = bench.params(**job)
    closed = FINETUNE.run(params, bench.inputs, FINETUNE.start(params, bench.inputs), 0, ignore_progress)
    before = FINETUNE.evaluate(params, bench.inputs, None)
    assert FINETUNE.evaluate(params, bench.inputs, FINETUNE.result(params, closed.state)) < before - 0.1


def test_an_untrained_adapter_evaluates_as_the_bare_model(bench: Any, start: bytes) -> None:
    bare = FINETUNE.evaluate(bench.params(), bench.inputs, None)
    assert FINETUNE.evaluate(bench.params(), bench.inputs, FINETUNE.result(bench.params(), start)) == bare


def test_an_answer_takes_the_likeliest_token_each_time(bench: Any) -> None:
    import torch
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast.from_pretrained(bench.store.path(bench.model))
    model = load_adapted(bench.params(), bench.store).model
    tokens = tokenizer.encode("<s>a prompt")
    asked = len(tokens)
    for _ in range(8):
        tokens.append(int(model(torch.tensor([tokens])).logits[0, -1].argmax()))
    expected = tokenizer.decode(tokens[asked:], skip_special_tokens=True)
    assert len(expected) > 1
    assert FINETUNE.generate(bench.params(), bench.inputs, None, "a prompt", 8) == expected


@pytest.mark.parametrize(("prompt", "length"), [("", 8), ("x", 0), ("x", 1025), ("x" * 16_385, 8)])
def test_a_prompt_or_answer_out_of_bounds_is_refused(bench: Any, prompt: str, length: int) -> None:
    with pytest.raises(BadParams, match="A prompt has 1 to 16384 characters"):
        FINETUNE.generate(bench.params(), bench.inputs, None, prompt, length)


def test_the_rate_falls_in_a_line_or_stays(bench: Any) -> None:
    falling, steady = bench.params(), bench.params(schedule="constant")
    assert [learning_rate(falling, step) for step in (0, 3, 6)] == pytest.approx([0.01, 0.005, 0])
    assert learning_rate(steady, 5) == 0.01


def test_the_registry_hands_out_this_workload() -> None:
    assert isinstance(workload("finetune"), Finetune)
