"""A text as training data, and texts that are none."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.workloads import BadData, FrozenParams, InputMissing, ModelUnsupported
from assay.workloads.finetune import FinetuneParams
from assay.workloads.text import (
    DATA_BYTES_MAX,
    batch_of_step,
    check_vocabulary,
    cut_windows,
    epoch_order,
    pick_evenly,
    read_corpus,
)

JOB = {"model": "a" * 64, "data": "b" * 64, "steps": 1, "segment_steps": 1}


@given(st.integers(0, 60), st.integers(1, 9))
def test_windows_cover_the_text_and_share_one_token(count: int, length: int) -> None:
    windows = cut_windows(np.arange(count), length)
    assert windows.shape == (max(0, (count - 1) // length), length + 1)
    assert (windows[1:, 0] == windows[:-1, -1]).all()


@given(st.integers(0, 2**63 - 1), st.integers(0, 3), st.integers(1, 50))
def test_an_epoch_takes_every_window_once(seed: int, epoch: int, count: int) -> None:
    assert sorted(epoch_order(seed, epoch, count)) == list(range(count))


@given(st.integers(1, 6), st.integers(2, 20))
def test_steps_take_every_window_once_before_any_again(batch: int, count: int) -> None:
    params = FinetuneParams.model_validate(JOB | {"batch": batch})
    windows = np.arange(count)[:, None]
    taken = np.concatenate([batch_of_step(params, windows, step) for step in range(count)]).flatten()
    assert (
        sorted(taken[:count]) == list(range(count)) == sorted(taken[count : 2 * count] if batch > 1 else range(count))
    )


@given(st.integers(1, 40), st.integers(0, 10))
def test_held_out_windows_are_picked_over_the_whole_tail(count: int, limit: int) -> None:
    picked = pick_evenly(np.arange(count)[:, None], limit).flatten()
    assert len(set(picked)) == len(picked) == max(1, min(limit, count))


def test_the_held_out_text_is_the_tail_and_is_not_trained_on(bench: Any) -> None:
    marked = bench.with_text(b"a" * 900 + b"b" * 100)
    corpus = read_corpus(marked.params(heldout_share=0.1), marked.inputs)
    assert len(np.unique(corpus.train)) == len(np.unique(corpus.heldout)) == 1
    assert corpus.train[0, 0] != corpus.heldout[0, 0]


POISONED = {
    "empty": (b"", "0 bytes"),
    "not UTF-8": (b"caf\xe9 " * 200, "not UTF-8 text \\(byte 3"),
    "too short": (b"too short to train on", "21 tokens; this job trains and holds out at least 50"),
    "too large": (b" " * (DATA_BYTES_MAX + 1), "it must have 1 to"),
}


@pytest.mark.parametrize(("text", "sentence"), POISONED.values(), ids=POISONED.keys())
def test_poisoned_data_is_refused_with_what_to_do(bench: Any, text: bytes, sentence: str) -> None:
    poisoned = bench.with_text(text)
    params: FrozenParams = poisoned.params()
    with pytest.raises(BadData, match=sentence) as refused:
        read_corpus(params, poisoned.inputs)
    assert "Upload a longer UTF-8 text" in str(refused.value)


def test_the_shortest_text_that_is_named_as_enough_is_enough(bench: Any) -> None:
    enough = bench.with_text(b"x" * 50)
    assert len(read_corpus(enough.params(), enough.inputs).train) == 2


def test_data_that_is_not_here_is_named(bench: Any) -> None:
    with pytest.raises(InputMissing, match="f" * 64):
        read_corpus(bench.params(data="f" * 64), bench.inputs)


def test_tokens_that_the_model_does_not_have_are_refused(bench: Any) -> None:
    corpus = read_corpus(bench.params(), bench.inputs)
    with pytest.raises(ModelUnsupported, match="beyond the model's 10"):
        check_vocabulary(corpus, 10)
