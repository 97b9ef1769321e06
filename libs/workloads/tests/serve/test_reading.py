"""Segments that were served, and what a reader finds of them: of true ones, and of those that somebody made up."""

import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from libs.workloads.tests.conftest import build_tiny_model
from libs.workloads.tests.serve.conftest import Served

from assay.proof.served import lines_of
from assay.schema.served import MISNUMBERED
from assay.workloads import ModelStore, workload
from assay.workloads.errors import BadCheckpoint
from assay.workloads.generate.answers import read_proof, write_proof
from assay.workloads.generate.state import Checkpoint, read_checkpoint
from assay.workloads.generate.toploc import TOP
from assay.workloads.serve.lines import read_requests, write_line
from assay.workloads.serve.live import serve_segments
from assay.workloads.serve.params import ServeParams

SEED = "5e" * 32
WORK: Any = workload("serve")


class Wide(Served):
    """The job on a wider model, under proofs of TOPLOC."""

    def params(self, **changes: Any) -> ServeParams:
        return super().params(sketch="toploc", **changes)


@pytest.fixture(scope="module")
def played(served: Any) -> tuple[list[bytes], Any]:
    """The checkpoints of a job of two segments, and its line: the last request carries an answer on."""
    begun = [0x61, 0x62, 0x63]
    asked = [served.request(n, text, seed=n) for n, text in enumerate(("one", "two and a bit", "three"))]
    asked.append(served.request(3, "four", seed=3, prefix=begun))
    line = served.line({0: [asked[0], asked[2]], 1: [asked[1]], 4: [asked[2], asked[3]]}, 5)
    start = WORK.start(served.params(), served.inputs)
    closed = serve_segments(served.params(), served.inputs, start, range(2), line)
    return [start, *(done.state for done in closed)], line


def found(served: Any, state: bytes, segment: int, spoil: str | None = None) -> list[tuple[bool, str]]:
    """What is found of a claim by one honest reader."""
    params = served.params()
    shown = WORK.show(params, served.inputs, state, segment, SEED, spoil)
    reading = WORK.read(params, served.inputs, shown, segment, SEED)
    return [(each.agrees, each.code) for each in WORK.judge(params, state, shown, [reading], segment, SEED)]


def test_every_token_is_told_once_in_order_and_what_is_misnumbered_is_asked_again(played: Any) -> None:
    states, line = played
    assert len(states) == 3
    assert [(turned.code, turned.next) for turned in line.turned] == [(MISNUMBERED, 1)]
    for told in line.told.values():
        assert [position for position, _, _ in told] == list(range(told[0][0], told[0][0] + len(told)))
    lines = WORK.result(None, states[-1]).splitlines()
    assert len(lines) == 4


@given(st.data())
def test_what_is_told_of_an_answer_by_and_by_is_its_text_but_for_how_often_no_letter_is_shown(
    served: Any, data: st.DataObject
) -> None:
    from assay.workloads.generate.engine import load_wording
    from assay.workloads.serve.telling import BROKEN, Telling

    words = load_wording(served.model, served.store.root)
    letters = st.text(max_size=4).map(lambda text: words.tokenizer.encode(text, add_special_tokens=False))
    broken = st.lists(st.integers(0, words.vocabulary - 1), max_size=4)
    tokens = [token for part in data.draw(st.lists(letters | broken, max_size=6)) for token in part]
    telling, last = Telling(words), len(tokens) - 1
    told = "".join(telling.add(token, is_last=at == last) for at, token in enumerate(tokens))
    assert told.replace(BROKEN, "") == words.text(tokens).replace(BROKEN, "")


def test_what_is_told_of_answers_is_what_is_committed(served: Any, played: Any) -> None:
    states, line = played
    assert [lines_of(state) for state in states] == [list(read_checkpoint(state).lines) for state in states]
    for each in map(json.loads, b"".join(lines_of(states[-1])).splitlines()):
        told = line.told[each["request_id"]]
        assert told[0][0] == len(json.loads(each["payload"])["prefix"])
        assert (told[-1][0] + 1, line.finished[each["request_id"]]) == (each["tokens"], each["finish"])


@given(st.binary(max_size=200), st.integers(0, 300))
def test_bytes_that_are_no_checkpoint_hold_no_lines(tail: bytes, at: int) -> None:
    whole = Checkpoint(b"s" * 32).close(b"{}\n", b"proof").close(b"{}\n{}\n", b"more").encode()
    for bytes_ in (tail, whole[:at] + tail):
        with contextlib.suppress(ValueError):
            assert all(lines in bytes_ for lines in lines_of(bytes_))


def test_what_was_served_is_found_true_and_one_false_token_false(served: Any, played: Any) -> None:
    states, _ = played
    for segment in (0, 1):
        assert found(served, states[segment + 1], segment) == [(True, "segment.prefill_agrees")]
        # A verifier that is shown another token says so, and agrees with who knows of it.
        assert found(served, states[segment + 1], segment, spoil="7a" * 32) == [(True, "segment.wrong_tokens")]


def test_a_request_that_nobody_signed_or_that_stands_elsewhere_is_no_work(served: Any, played: Any) -> None:
    params, states = served.params(), played[0]
    honest = read_checkpoint(states[1])
    requests, answers = read_requests(honest.lines[0], range(2)), read_proof(honest.proof, params, 0)
    forged = requests[0].model_copy(update={"signature": requests[1].signature})
    for first in (forged, requests[1]):
        pairs = zip((first, requests[1]), answers, strict=True)
        lines = b"".join(write_line(request, answer, "", (257,)) for request, answer in pairs)
        claim = Checkpoint(honest.start).close(lines, write_proof(answers)).encode()
        assert found(served, claim, 0) == [(False, "segment.bad_form")]


def test_a_later_provider_goes_on_from_the_last_closed_segment_and_no_other(served: Any, played: Any) -> None:
    states, _ = played
    with pytest.raises(BadCheckpoint):
        next(serve_segments(served.params(), served.inputs, states[1], range(2), served.line({}, 0)))
    again = served.line({0: [served.request(n, "again", seed=n) for n in (2, 3)]}, 2)
    (done,) = serve_segments(served.params(), served.inputs, states[1], range(1, 2), again)
    assert read_checkpoint(done.state).lines[0] == read_checkpoint(states[1]).lines[0]


def test_a_letter_that_takes_two_tokens_is_told_when_it_is_whole(served: Any) -> None:
    from assay.workloads.generate.engine import load_wording
    from assay.workloads.serve.telling import Telling

    words = load_wording(served.model, served.store.root)
    tokens = words.tokenizer.encode("añb", add_special_tokens=False)
    telling = Telling(words)
    assert [telling.add(token) for token in tokens] == ["a", "", "ñ", "b"]


def test_what_was_served_under_proofs_of_toploc_is_found_true_and_one_false_token_false(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    store = ModelStore(tmp_path_factory.mktemp("models"))
    wide = Wide(store, store.add(build_tiny_model(tmp_path_factory.mktemp("wide"), 2 * TOP)))
    asked = [wide.request(n, text, seed=n) for n, text in enumerate(("one", "two and a bit"))]
    start = WORK.start(wide.params(), wide.inputs)
    (done,) = serve_segments(wide.params(), wide.inputs, start, range(1), wide.line({0: [asked[0]], 1: [asked[1]]}, 2))
    assert found(wide, done.state, 0) == [(True, "segment.prefill_agrees")]
    assert found(wide, done.state, 0, spoil="7a" * 32) == [(True, "segment.wrong_tokens")]
    first, second = read_proof(read_checkpoint(done.state).proof, wide.params(), 0)
    assert first.sketch.nbytes == 258
    exchanged = write_proof([replace(first, sketch=second.sketch), replace(second, sketch=first.sketch)])
    honest = read_checkpoint(done.state)
    claim = Checkpoint(honest.start).close(honest.lines[0], exchanged).encode()
    assert found(wide, claim, 0) == [(False, "segment.wrong_states")]
