"""What a verifier sees in an excerpt: honest claims agree, each cheat is contradicted, and nothing can be made up."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from assay.workloads import workload
from assay.workloads.generate.answers import read_proof, write_proof
from assay.workloads.generate.check import draw_drawn
from assay.workloads.generate.forms import FORMS
from assay.workloads.generate.limits import AGREES, WRONG_STATES, WRONG_TEXT, WRONG_TOKENS
from assay.workloads.generate.reading import BAD_FORM, BAD_READING, Reading, decode_reading
from assay.workloads.generate.sketch import NUMBERS
from assay.workloads.generate.state import Checkpoint, read_checkpoint
from assay.workloads.task import Found

SEED, SPOIL = "5e" * 32, "7a" * 32
SEGMENT = 1
GENERATE = workload("generate")


def shown(batch: Any, state: bytes, spoil: str | None = None) -> bytes:
    return GENERATE.show(batch.params(), batch.inputs, state, SEGMENT, SEED, spoil)  # type: ignore[attr-defined]


def read(batch: Any, excerpt: bytes) -> bytes:
    return GENERATE.read(batch.params(), batch.inputs, excerpt, SEGMENT, SEED)  # type: ignore[attr-defined]


def judged(batch: Any, state: bytes, excerpt: bytes, *readings: bytes) -> list[Found]:
    return GENERATE.judge(batch.params(), state, excerpt, readings, SEGMENT, SEED)  # type: ignore[attr-defined]


def claimed(batch: Any, **changes: bytes) -> bytes:
    """The checkpoint after the segment, its lines or its proof replaced."""
    true = read_checkpoint(batch.states[SEGMENT + 1])
    before = Checkpoint(true.start, true.lines[:SEGMENT], true.proof_digests[:SEGMENT])
    return before.close(changes.get("lines", true.lines[SEGMENT]), changes.get("proof", true.proof)).encode()


def test_an_honest_claim_is_agreed_with_and_no_sketch_is_shown(batch: Any) -> None:
    state = batch.states[SEGMENT + 1]
    excerpt = shown(batch, state)
    for answer in read_proof(read_checkpoint(state).proof, batch.params(), SEGMENT):
        assert answer.sketch.astype("<f2").tobytes() not in excerpt
    (found,) = judged(batch, state, excerpt, read(batch, excerpt))
    assert (found.agrees, found.code, found.group) == (True, AGREES, 0) and found.distance < 1


def test_each_cheat_is_contradicted_by_all_who_read_alike(batch: Any) -> None:
    true = read_checkpoint(batch.states[SEGMENT + 1])
    first, second = read_proof(true.proof, batch.params(), SEGMENT)
    other_states = write_proof([replace(first, sketch=first.sketch * np.float16(1.5)), second])
    cheats = {
        WRONG_STATES: claimed(batch, proof=other_states),
        WRONG_TEXT: claimed(batch, lines=true.lines[SEGMENT].replace(b'"tokens": ', b'"tokens": 1')),
        BAD_FORM: claimed(batch, proof=true.proof[:-2]),
    }
    for code, state in cheats.items():
        excerpt = shown(batch, state)
        reading = read(batch, excerpt)
        found = judged(batch, state, excerpt, reading, Reading("", ()).encode(), reading)
        assert [each.agrees for each in found] == [False] * 3
        assert (found[0].code, found[0].group, found[2].group) == (code, 1, 1) and found[1].group != 1


def test_an_altered_token_shows_to_who_reads_and_not_to_who_says_that_all_is_well(batch: Any) -> None:
    state = batch.states[SEGMENT + 1]
    true, false = shown(batch, state), shown(batch, state, SPOIL)
    assert len(true) == len(false) != 0 and true != false
    honest, lazy = read(batch, false), read(batch, true)
    one, other = judged(batch, state, false, honest, lazy)
    assert (one.agrees, one.code) == (True, WRONG_TOKENS)
    # It has the sketches by magic, and did not look at the tokens.
    assert not other.agrees
    # Who takes it for the claim finds the claim false.
    assert not judged(batch, state, true, honest)[0].agrees


@pytest.mark.parametrize("alter", ["sketch", "margin", "short", "other"])
def test_what_is_made_up_agrees_with_nothing(batch: Any, alter: str) -> None:
    state = batch.states[SEGMENT + 1]
    excerpt = shown(batch, state)
    answers = read_proof(read_checkpoint(state).proof, batch.params(), SEGMENT)
    drawn = [answer for answer in answers if answer.request in draw_drawn(SEED, batch.params(), SEGMENT)]
    seen = decode_reading(read(batch, excerpt), drawn, FORMS["projection"]).seen
    made_up = {
        "sketch": [replace(each, sketch=np.ones((len(each.sketch), NUMBERS), np.float16)) for each in seen],
        "margin": [replace(each, margins=each.margins - 1) for each in seen],
        "short": seen[:1],
        "other": [replace(each, margins=each.margins[1:]) for each in seen],
    }[alter]
    found = judged(batch, state, excerpt, *[Reading("", tuple(made_up)).encode()] * 2)
    assert not any(each.agrees for each in found)
    assert {each.code for each in found} == {WRONG_STATES if alter == "sketch" else BAD_READING}
    assert len({each.group for each in found}) == (1 if alter == "sketch" else 2)
