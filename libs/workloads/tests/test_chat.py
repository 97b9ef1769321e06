"""Chats as training data: what is learned of them, how they share sequences, and lines that are none."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.workloads import BadData, ModelUnsupported, SegmentResult, ignore_progress, workload
from assay.workloads.base_model import load_adapted
from assay.workloads.chat import LINE_BYTES_MAX, parse_lines, read_chats
from assay.workloads.forward import batch_of, loss_of
from assay.workloads.numerics import exact
from assay.workloads.packing import PADDING, Example, pack
from assay.workloads.text import check_tokenizer, read_corpus

FINETUNE = workload("finetune")
CHAT: dict[str, Any] = {"data_form": "chat", "sequence_tokens": 40, "segment_steps": 3, "clip_norm": 1.0}


def said(*contents: str) -> dict[str, Any]:
    """A chat in which user and assistant take turns."""
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[at % 2], "content": each} for at, each in enumerate(contents)]}


def lines(*chats: Any) -> bytes:
    return "\n".join(map(json.dumps, chats)).encode()


@pytest.fixture(scope="session")
def chats(bench: Any) -> Any:
    """The bench with chats of unlike lengths for data."""
    return bench.with_text(lines(*(said(f"ask {n}", "yes " * (1 + n % 5)) for n in range(40))))


def test_only_what_the_assistant_says_is_learned(bench: Any) -> None:
    folder = bench.store.path(bench.model)
    (chat,) = read_chats(folder, lines(said("ab", "cd", "e", "fgh")))
    assert len(chat.tokens) == 4 + 2 + 2 + 1 + 3
    # The tiny model's template opens each message by one token, and says nothing of whose it is.
    assert chat.learned.tolist() == [False] * 3 + [True] * 3 + [False] * 2 + [True] * 4


def test_a_chat_that_the_assistant_begins_is_learned_from_its_beginning(bench: Any) -> None:
    (chat,) = read_chats(bench.store.path(bench.model), lines({"messages": said("ask", "yes", "so")["messages"][1:]}))
    assert chat.learned.tolist() == [True] * 4 + [False] * 3


@settings(max_examples=40)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=80), st.booleans())
def test_every_example_lies_whole_in_one_sequence_and_begins_at_place_0(sizes: list[int], together: bool) -> None:
    examples = [Example(np.full(size, number), np.ones(size, np.bool_)) for number, size in enumerate(sizes)]
    packed = pack(examples, 12, together)
    assert len(packed) == len(sizes) if not together else len(packed) <= len(sizes)
    is_there = packed.examples != PADDING
    assert sorted(packed.tokens[is_there].tolist()) == sorted(n for n, size in enumerate(sizes) for _ in range(size))
    for row in range(len(packed)):
        for number in set(packed.examples[row].tolist()) - {PADDING}:
            at = packed.examples[row] == number
            assert len(set(packed.tokens[row, at])) == 1 and sizes[packed.tokens[row, at][0]] == at.sum()
            assert packed.places[row, at].tolist() == list(range(at.sum()))
            assert not packed.learned[row, at][0] and packed.learned[row, at][1:].all()


@pytest.mark.parametrize("numerics", ["native", "exact"])
def test_no_example_sees_another_in_its_sequence(chats: Any, numerics: str) -> None:
    params = chats.params(**CHAT, numerics=numerics)
    adapted, corpus = load_adapted(params, chats.store), read_corpus(params, chats.inputs)
    packed = corpus.train[:1]
    assert len(set(packed.examples[0].tolist()) - {PADDING}) > 1
    first = packed.examples[:, :-1] == 0

    def states(tokens: Any) -> Any:
        batch = batch_of(packed, adapted.device)
        tokens = torch.tensor(tokens)
        if numerics == "native":
            return adapted.hidden(tokens, batch.places, batch.sees).detach()[~torch.tensor(first)]
        with exact(adapted.model):
            return adapted.hidden(tokens, batch.places, batch.sees).detach()[~torch.tensor(first)]

    other = np.where(first, 7, packed.tokens[:, :-1])
    assert (other != packed.tokens[:, :-1]).any()
    assert torch.equal(states(packed.tokens[:, :-1]), states(other))


def test_chats_cost_the_same_loss_packed_as_alone(chats: Any) -> None:
    together, alone = (chats.params(**CHAT, packing=packing, heldout_share=0.5) for packing in (True, False))
    adapted = load_adapted(together, chats.store)
    sums = []
    for params in (together, alone):
        held = read_corpus(params, chats.inputs).heldout
        batch = batch_of(held, adapted.device)
        sums.append((batch.count, loss_of(params, adapted, batch).item()))
    assert sums[0][0] == sums[1][0] and sums[0][1] == pytest.approx(sums[1][1], abs=1e-5)
    assert len(read_corpus(together, chats.inputs).train) < len(read_corpus(alone, chats.inputs).train)


def run(job: Any, segments: int = 2, **changes: Any) -> list[SegmentResult]:
    params = job.params(**changes)
    return job.chain(FINETUNE.start(params, job.inputs), range(segments), **changes)


def test_chats_are_trained_to_the_same_bits_again_and_accumulated_batches_are_one_large_one(chats: Any) -> None:
    large, small = {"batch": 4}, {"batch": 1, "accumulate": 4}
    closed = [run(chats, **CHAT, **form, evaluate_windows=2)[-1] for form in (large, small, small)]
    assert closed[1].state == closed[2].state and closed[0].units == closed[1].units
    assert {"heldout_loss", "gradient_norm"} <= closed[0].metrics.keys()
    start = FINETUNE.start(chats.params(**CHAT), chats.inputs)
    assert FINETUNE.distance(closed[0].state, closed[1].state, start) < 1e-3


def test_exact_chats_have_the_same_bits_on_any_number_of_threads(chats: Any) -> None:
    job = CHAT | {"numerics": "exact", "accumulate": 2, "batch": 1, "schedule": "cosine", "segment_steps": 1}
    assert run(chats, 1, **job)[-1].state == run(chats, 1, **job, threads=2)[-1].state


GOOD = said("ask", "answer")
POISONED = {
    "cut off": (lines(GOOD) + b'\n{"messages": [{"role": "us', "Line 2 is not JSON"),
    "no object": (b"[1]", "Line 1 is not .*messages"),
    "no messages": (lines({"text": "x"}), "Line 1 is not .*messages"),
    "an unknown role": (lines({"messages": [{"role": "root", "content": "x"}]}), "Line 1 is not"),
    "no answer": (lines(GOOD, GOOD, said("only asked")), "Line 3 has no answer"),
    "half a character": (b'{"messages": [{"role": "assistant", "content": "\\ud800"}]}', "Line 1 is not"),
    "not UTF-8": (lines(GOOD) + b'\n{"messages": "caf\xe9"}', "Line 2 is not UTF-8 text \\(byte 17"),
    "deep": (b"[" * 100_000, "Line 1 is not JSON"),
    "a huge line": (b" " * LINE_BYTES_MAX + b"x", "Line 1 has 262145 bytes"),
}


@pytest.mark.parametrize(("data", "sentence"), POISONED.values(), ids=POISONED.keys())
def test_a_line_that_is_no_chat_is_named(data: bytes, sentence: str) -> None:
    with pytest.raises(BadData, match=sentence):
        list(parse_lines(data))


def test_too_few_chats_and_chats_whose_answers_begin_too_late_are_refused(bench: Any) -> None:
    for data in (lines(GOOD), lines(*[said("x" * 60, "late")] * 9), b"\n \n"):
        poisoned = bench.with_text(data)
        with pytest.raises(BadData):
            read_corpus(poisoned.params(**CHAT), poisoned.inputs)


def test_a_tokenizer_of_another_model_is_refused(bench: Any) -> None:
    with pytest.raises(ModelUnsupported, match="knows 258 tokens, the model 200"):
        check_tokenizer(bench.store.path(bench.model), 200)


def test_a_chat_job_says_what_it_lacks(bench: Any) -> None:
    params = bench.params(**CHAT)
    start = FINETUNE.start(params, bench.inputs)
    with pytest.raises(BadData, match="Line 1 is not JSON"):
        FINETUNE.run(params, bench.inputs, start, 0, ignore_progress)
