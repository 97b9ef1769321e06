"""The check on the tiny model: what is honest passes, what is malformed or foreign is refused before any model runs."""

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.schema.job import JobSpec
from assay.workloads import BadParams, HeldInputs, ModelMissing, ModelStore
from assay.workloads.generate import BadOpening, CheckFailed, Claim, ForeignOpening
from assay.workloads.generate.answers import Answer, read_proof, write_line, write_proof
from assay.workloads.generate.check import check_generation, draw_requests
from assay.workloads.generate.engine import load_engine
from assay.workloads.generate.forms import sketcher_of
from assay.workloads.generate.limits import AGREES, WRONG_STATES, WRONG_TEXT, WRONG_TOKENS
from assay.workloads.generate.opening import Opening, decode, read_opening
from assay.workloads.generate.prefill import measure, read
from assay.workloads.generate.prompts import read_prompts

SEED = "5e" * 32


def codes(batch: Any, claim: Claim, **how: Any) -> set[str]:
    return {finding.code for finding in check_generation(claim, SEED, batch.spec(), batch.inputs, **how)}


def committed(claim: Claim, lines: bytes, proof: bytes) -> Claim:
    """A claim of this content, duly committed to."""
    opening = Opening(bytes.fromhex(claim.state_in), lines, proof)
    return replace(claim, state_out=opening.after.hex(), opening=opening.encode())


def altered(batch: Any, alter: Callable[[Answer], Answer]) -> Claim:
    """The claim of segment 1 with its first answer altered, its lines and its commitment to match."""
    claim = batch.claim(1)
    first, second = read_proof(decode(claim.opening).proof, batch.params(), 1)
    engine = load_engine(batch.model, batch.store, "float32", 1)
    changed = [alter(first), second]
    safe = [replace(answer, tokens=answer.tokens % engine.vocabulary) for answer in changed]
    lines = b"".join(write_line(answer, engine.text(answer.tokens), engine.ends) for answer in safe)
    return committed(claim, lines, write_proof(changed))


def resketched(batch: Any, answer: Answer) -> Answer:
    """The same tokens under the sketch that the right model makes by reading them."""
    engine = load_engine(batch.model, batch.store, "float32", 1)
    prompt = engine.encode(read_prompts(batch.text, 6)[answer.request], batch.params())
    with torch.no_grad():
        states = read(engine, [(prompt, answer)])[0]
    sketcher = sketcher_of(batch.params(), engine.width, engine.device)
    return replace(answer, sketch=sketcher.claim(sketcher.add_all(states)))


def test_honest_segments_pass_whichever_way_the_checker_computes(batch: Any) -> None:
    for segment in range(3):
        findings = check_generation(batch.claim(segment), SEED, batch.spec(), batch.inputs)
        assert [finding.request for finding in findings] == [2 * segment, 2 * segment + 1]
        assert all(finding.passed and finding.worst <= 1 for finding in findings)
    assert codes(batch, batch.claim(1), dtype="bfloat16") == {AGREES}


def test_the_drawn_requests_follow_from_the_seed(batch: Any) -> None:
    findings = check_generation(batch.claim(1), SEED, batch.spec(), batch.inputs, requests=1)
    assert {finding.request for finding in findings} == draw_requests(SEED, [2, 3], 1)
    drawn = {next(iter(draw_requests(f"{seed:064x}", range(8), 1))) for seed in range(60)}
    assert len(drawn) == 8


def test_one_other_token_is_found(batch: Any) -> None:
    def replaced(answer: Answer) -> Answer:
        tokens = answer.tokens.copy()
        tokens[5] = (tokens[5] + 1) % 200
        return resketched(batch, replace(answer, tokens=tokens))

    found = check_generation(altered(batch, replaced), SEED, batch.spec(), batch.inputs)
    assert [finding.code for finding in found] == [WRONG_TOKENS, AGREES]
    assert found[0].residuals["chunk_distance"] == 0


def test_sketches_of_other_states_are_found(batch: Any) -> None:
    claim = altered(batch, lambda answer: replace(answer, sketch=answer.sketch * np.float16(1.01)))
    assert WRONG_STATES in codes(batch, claim)


def test_lines_that_say_other_than_the_tokens_are_found(batch: Any) -> None:
    opening = decode(batch.claim(1).opening)
    claim = committed(
        batch.claim(1), opening.lines.replace(b'"completion": "', b'"completion": "Buy it! ', 1), opening.proof
    )
    assert codes(batch, claim) == {WRONG_TEXT}


MALFORMED: dict[str, tuple[Callable[[Answer], Answer], str]] = {
    "sketch not a number": (lambda a: replace(a, sketch=np.full_like(a.sketch, np.nan)), "not finite"),
    "sketch infinite": (lambda a: replace(a, sketch=np.full_like(a.sketch, np.inf)), "not finite"),
    "sketch too long": (lambda a: replace(a, sketch=np.concatenate([a.sketch, a.sketch])), "answered by"),
    "tokens beyond the model": (lambda a: replace(a, tokens=a.tokens + 2**31), "beyond the model"),
    "end within": (lambda a: replace(a, tokens=np.append(257, a.tokens[1:])), "goes on after its end"),
    "cut short": (lambda a: replace(a, tokens=a.tokens[:9], sketch=a.sketch[:1]), "ends before it"),
    "too long": (lambda a: replace(a, tokens=np.ones(35, np.int64)), "35 tokens"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_committed_answer_of_another_form_is_refused(batch: Any, name: str) -> None:
    alter, says = MALFORMED[name]
    with pytest.raises(BadOpening, match=says):
        codes(batch, altered(batch, alter))


def test_the_claim_of_another_segment_or_job_is_foreign(batch: Any) -> None:
    with pytest.raises(ForeignOpening):
        codes(batch, replace(batch.claim(1), opening=batch.claim(2).opening))
    with pytest.raises(ForeignOpening, match="where this job begins"):
        check_generation(batch.claim(0), SEED, batch.spec(seed=4), batch.inputs)
    with pytest.raises(BadOpening, match="no segment 3"):
        codes(batch, replace(batch.claim(2), segment=3))
    with pytest.raises(BadParams, match="no completions"):
        check_generation(batch.claim(0), SEED, JobSpec(kind="noop", segments=1, segment_units=1), batch.inputs)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_damaged_opening_is_refused_with_a_typed_error(batch: Any, data: st.DataObject) -> None:
    claim = batch.claim(1)
    at = data.draw(st.integers(0, len(claim.opening) - 1))
    flipped = bytes([claim.opening[at] ^ data.draw(st.integers(1, 255))])
    for damaged in (claim.opening[:at], claim.opening[:at] + flipped + claim.opening[at + 1 :], claim.opening + b"x"):
        with pytest.raises(BadOpening):
            read_opening(replace(claim, opening=damaged))


def test_absurd_lengths_are_refused_at_once_and_take_no_memory(batch: Any) -> None:
    claim = batch.claim(1)
    head = claim.opening[: len(b"assay.opened.1") + 32]
    proof = b"\xff\xff\xff\xff" + decode(claim.opening).proof[4:]
    claims = [replace(claim, opening=head + b"\xff\xff\xff\xff" * 2), committed(claim, b"", proof)]
    tracemalloc.start()
    try:
        for each in claims:
            with pytest.raises(BadOpening):
                codes(batch, each)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_fault_of_the_checkers_machine_is_never_a_finding(batch: Any) -> None:
    empty = HeldInputs(ModelStore(batch.store.root / "none"), batch.inputs.contents)
    with pytest.raises(ModelMissing):
        check_generation(batch.claim(1), SEED, batch.spec(), empty)
    engine, params = load_engine(batch.model, batch.store, "float32", 1), batch.params()
    asked = [([1, 2], answer) for answer in read_proof(decode(batch.claim(1).opening).proof, params, 1)]

    def exhaust(_: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    exhausted = SimpleNamespace(embed_tokens=exhaust)
    broken = SimpleNamespace(
        embed_tokens=engine.trunk.embed_tokens,
        rotary_emb=engine.trunk.rotary_emb,
        layers=(),
        norm=lambda states: states * torch.nan,
    )
    for trunk, says in ((exhausted, "allocate memory"), (broken, "not finite on this machine")):
        with pytest.raises(CheckFailed, match=says):
            measure(replace(engine, trunk=trunk), params, asked)


def test_a_proof_is_tokens_and_half_a_byte_a_token(batch: Any) -> None:
    answers = read_proof(decode(batch.claim(1).opening).proof, batch.params(), 1)
    written = write_proof(answers)
    tokens = sum(len(answer.tokens) for answer in answers)
    sketches = sum(answer.sketch.nbytes for answer in answers)
    assert len(written) == 4 * len(answers) + 4 * tokens + sketches
    assert sketches <= 0.5 * (tokens + 31 * len(answers))
    assert blake3(written).digest() == blake3(decode(batch.claim(1).opening).proof).digest()
