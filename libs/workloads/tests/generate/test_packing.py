"""Packed sequences: what several begin with is read once, and none sees what is not its own."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from assay.workloads.generate import prefill
from assay.workloads.generate.answers import Answer
from assay.workloads.generate.engine import Engine, load_engine
from assay.workloads.generate.packing import pack, read_packed

SEQUENCES = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=7), min_size=1, max_size=8)
SHARING = ([7, 8, 9, 1, 2], [7, 8, 3], [7, 8, 9, 1, 2], [5, 6], [7, 8, 9], [7, 8, 9, 1, 4, 4, 4])


@pytest.fixture(scope="module")
def engine(batch: Any) -> Engine:
    return load_engine(batch.model, batch.store, "float32", 1)


def states_of(engine: Engine, *sequences: list[int]) -> list[torch.Tensor]:
    with torch.no_grad():
        return read_packed(engine.trunk, pack(sequences), [0] * len(sequences), engine.device)


@given(SEQUENCES)
def test_each_path_spells_its_sequence_and_no_beginning_is_read_twice(sequences: list[list[int]]) -> None:
    packed = pack(sequences)
    for sequence, path in zip(sequences, packed.paths, strict=True):
        assert [packed.tokens[node] for node in path.nodes] == sequence
        assert [packed.places[node] for node in path.nodes] == list(range(len(sequence)))
    beginnings = {tuple(sequence[: at + 1]) for sequence in sequences for at in range(len(sequence))}
    assert len(packed.tokens) == len(beginnings)
    # Every token is read for exactly one sequence.
    owned = [node for path in packed.paths for node in path.nodes[path.own :]]
    assert sorted(owned) == list(range(len(packed.tokens)))


def test_packed_states_are_those_of_the_model_reading_each_sequence_by_itself(engine: Engine) -> None:
    for sequence, states in zip(SHARING, states_of(engine, *SHARING), strict=True):
        with torch.no_grad():
            alone = engine.trunk(input_ids=torch.tensor([sequence]), use_cache=False).last_hidden_state[0]
        assert torch.allclose(states, alone, rtol=1e-4, atol=1e-5)


def test_a_neighbour_changes_nothing_after_the_tokens_that_are_shared(engine: Engine) -> None:
    (alone,) = states_of(engine, SHARING[0])
    for neighbour in ([7, 8, 9, 1, 3, 3, 3], [7, 8, 9, 1], [0], [7, 8, 200, 201, 202]):
        for beside in (states_of(engine, SHARING[0], neighbour)[0], states_of(engine, neighbour, SHARING[0])[1]):
            assert torch.allclose(alone, beside, rtol=1e-4, atol=1e-5)


def test_of_a_long_prompt_that_all_share_no_answer_holds_a_copy(engine: Engine) -> None:
    asked = [([5] * 60, Answer(n, np.array([n, 9]), np.zeros((0, 8), np.float16))) for n in range(8)]
    with torch.no_grad():
        found = prefill.read(engine, asked)
        whole = states_of(engine, *map(prefill.tokens_of, asked))
    for states, all_states in zip(found, whole, strict=True):
        assert torch.equal(states, all_states[59:])
        assert states.untyped_storage().nbytes() == states.nbytes == 2 * engine.width * 4


def test_groups_hold_so_many_tokens_and_every_answer_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefill, "READ_TOKENS_MAX", 12)
    none = np.zeros((0, 8), np.float16)
    asked = [([1, 2, 3, 4, n % 3], Answer(n, np.array([n, n, 9]), none)) for n in range(9)]
    groups = list(prefill.grouped(asked))
    assert sorted(answer.request for group in groups for _, answer in group) == list(range(9))
    assert 1 < len(groups) < 9
    assert all(len(pack([prefill.tokens_of(each) for each in group]).tokens) <= 12 for group in groups)
    assert [len(group) for group in prefill.grouped([([1] * 30, asked[0][1]), asked[1]])] == [1, 1]
