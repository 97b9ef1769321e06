"""The job as a chain of segments: carried on anywhere, the same whatever the batch, every line bound."""

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.workloads import BadCheckpoint, BadData, BadParams, HeldInputs, ignore_progress, read_params, workload
from assay.workloads.generate.answers import read_proof
from assay.workloads.generate.state import Checkpoint, read_checkpoint

GENERATE = workload("generate")


def answers(batch: Any, state: bytes, segment: int) -> list[list[int]]:
    return [answer.tokens.tolist() for answer in read_proof(read_checkpoint(state).proof, batch.params(), segment)]


def test_segments_are_of_equal_cost_and_as_many_as_planned(batch: Any) -> None:
    assert GENERATE.plan(batch.params()) == [68, 68, 68]


def test_the_result_has_a_line_for_each_prompt_in_order(batch: Any) -> None:
    lines = [json.loads(line) for line in GENERATE.result(batch.params(), batch.states[3]).splitlines()]
    assert [line["request"] for line in lines] == list(range(6))
    assert all(1 <= line["tokens"] <= 34 and line["finish"] in ("stop", "length") for line in lines)
    assert {type(line["completion"]) for line in lines} == {str}


def test_another_provider_carries_on_from_a_committed_segment(batch: Any) -> None:
    again = batch.run(batch.states[1], 1)
    assert again.state == batch.states[2]
    assert again.state_digest == GENERATE.digest(batch.states[2])


def test_tokens_do_not_depend_on_the_batch(batch: Any) -> None:
    changes = {"batch": 6, "segment_requests": 6}
    state = GENERATE.start(batch.params(**changes), batch.inputs)
    whole = read_checkpoint(batch.run(state, 0, **changes).state)
    found = [answer.tokens.tolist() for answer in read_proof(whole.proof, batch.params(**changes), 0)]
    assert found == [tokens for at in range(3) for tokens in answers(batch, batch.states[at + 1], at)]


def test_another_seed_gives_other_tokens(batch: Any) -> None:
    start = GENERATE.start(batch.params(seed=1), batch.inputs)
    assert answers(batch, batch.run(start, 0, seed=1).state, 0) != answers(batch, batch.states[1], 0)


def test_an_answer_ends_at_an_end_token_or_at_the_limit(batch: Any) -> None:
    hot = {"temperature": 4.0, "top_k": 300, "max_tokens": 100, "batch": 6, "segment_requests": 6}
    state = batch.run(GENERATE.start(batch.params(**hot), batch.inputs), 0, **hot).state
    lines = [json.loads(line) for line in GENERATE.result(batch.params(**hot), state).splitlines()]
    assert {line["finish"] for line in lines} == {"stop", "length"}
    assert all(line["tokens"] == 100 for line in lines if line["finish"] == "length")


def test_digests_follow_lines_and_proofs_and_nothing_is_nearly_equal(batch: Any) -> None:
    first, second = batch.states[1:3]
    assert GENERATE.distance(second, second, first) == 0
    assert GENERATE.distance(second, first, first) == math.inf
    checkpoint = read_checkpoint(second)
    reworded = Checkpoint(checkpoint.start, (b"other", checkpoint.lines[1]), checkpoint.proof_digests, checkpoint.proof)
    assert GENERATE.digest(reworded.encode()) != GENERATE.digest(second)


def test_a_checkpoint_of_another_place_or_job_is_refused(batch: Any) -> None:
    with pytest.raises(BadCheckpoint, match="closes 1 segments"):
        batch.run(batch.states[1], 2)
    with pytest.raises(BadCheckpoint, match="other parameters"):
        batch.run(batch.states[0], 0, seed=2)
    with pytest.raises(BadParams):
        batch.run(batch.states[0], 3)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_damaged_checkpoint_is_refused_or_has_another_digest(batch: Any, data: st.DataObject) -> None:
    whole = batch.states[2]
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    with pytest.raises(BadCheckpoint):
        GENERATE.digest(whole[:at])
    with suppress(BadCheckpoint):
        assert GENERATE.digest(flipped) != GENERATE.digest(whole)


PROMPTS = [
    (b"", "0 prompts"),
    (b'{"prompt": "a"}\n' * 5, "5 prompts"),
    (b'{"prompt": "a"}\n' * 5 + b"{", "not JSON"),
    (b'{"prompt": "a"}\n' * 5 + b'{"prompt": 7}', "Line 6"),
    (b'{"prompt": "a"}\n' * 5 + b'{"prompt": "a", "seed": 1}', "Line 6"),
    (b'{"prompt": "a"}\n' * 5 + b'{"prompt": ""}', "Line 6"),
    (b'{"prompt": "' + b"a" * 40 + b'"}\n' + b'{"prompt": "a"}\n' * 5, "41 tokens"),
]


@pytest.mark.parametrize(("text", "names"), PROMPTS)
def test_prompts_that_do_not_fit_are_the_jobs_fault(batch: Any, text: bytes, names: str) -> None:
    inputs = HeldInputs(batch.store, {batch.params().prompts: text})
    with pytest.raises(BadData, match=names):
        GENERATE.run(batch.params(), inputs, batch.states[0], 0, ignore_progress)


REFUSED = [
    ({"requests": 7}, "multiple of segment_requests"),
    ({"requests": 1_000_000, "segment_requests": 1}, "raise segment_requests"),
    ({"requests": 200_000, "segment_requests": 1000}, "lower max_tokens"),
    ({"temperature": 0}, "temperature"),
    ({"temperature": float("nan")}, "temperature"),
    ({"top_k": 0}, "top_k"),
    ({"top_p": 0}, "top_p"),
    ({"dtype": "int8"}, "dtype"),
    ({"model": "../../etc"}, "model"),
]


@pytest.mark.parametrize(("changes", "names"), REFUSED)
def test_parameters_out_of_bounds_are_refused_by_name(batch: Any, changes: dict[str, Any], names: str) -> None:
    with pytest.raises(BadParams, match=names):
        read_params("generate", batch.raw(**changes))
