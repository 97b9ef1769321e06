"""TOPLOC's format: byte for byte the package's, told apart as it tells, and judged as the projection is."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from libs.workloads.tests.conftest import build_tiny_model
from libs.workloads.tests.generate.conftest import Batch

from assay.workloads import ModelStore, ModelUnsupported, workload
from assay.workloads.generate import BadOpening
from assay.workloads.generate.answers import Answer, read_proof, write_proof
from assay.workloads.generate.check import check_generation, draw_drawn
from assay.workloads.generate.forms import FORMS, sketcher_of
from assay.workloads.generate.limits import AGREES, WRONG_STATES
from assay.workloads.generate.reading import BAD_FORM, BAD_READING, Reading, decode_reading
from assay.workloads.generate.state import Checkpoint, read_checkpoint
from assay.workloads.generate.toploc import (
    NOTHING_ALIKE,
    PRIME,
    TOLERATED,
    TOP,
    apart,
    between,
    compare,
    errors_of,
    interpolate,
    largest,
    prove,
    read_text,
    share,
    write_text,
)

GOLDEN = json.loads(Path(__file__).with_name("golden").joinpath("toploc.json").read_text())["cases"]
SEED, SEGMENT = "5e" * 32, 1
GENERATE: Any = workload("generate")


def activations_of(bits: Any, width: int) -> torch.Tensor:
    """States of these bits of bfloat16."""
    return torch.from_numpy(np.asarray(bits, np.uint16).view(np.int16).copy()).view(torch.bfloat16).reshape(-1, width)


def of_case(case: dict[str, Any], dense: str, sparse: str) -> torch.Tensor:
    """The states of a golden case."""
    if dense in case:
        return activations_of(np.frombuffer(bytes.fromhex(case[dense]), "<u2"), case["width"])
    bits = np.zeros(case["tokens"] * case["width"], np.uint16)
    bits[case["places"]] = case[sparse]
    return activations_of(bits, case["width"])


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_proofs_and_errors_are_those_of_the_published_package(case: dict[str, Any]) -> None:
    mine, others = of_case(case, "activations", "bits"), of_case(case, "others", "other_bits")
    proofs = prove(largest(mine, case["top"], case["tokens"]))
    assert [write_text(proof) for proof in proofs] == case["proofs"]
    points = largest(others, case["top"], case["tokens"])
    read = [read_text(text, case["top"]) for text in case["proofs"]]
    found = [compare(*pair) for pair in zip(points, read, strict=True)]
    assert [list(errors) for errors in found] == [pytest.approx(errors) for errors in case["errors"]]


def test_a_modulus_that_would_make_one_of_two_places_is_passed_over() -> None:
    wide = GOLDEN[-1]
    assert {5, 5 + PRIME} <= set(wide["places"])
    assert read_text(wide["proofs"][0])[0] < PRIME


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(st.integers(0, PRIME - 1), st.integers(0, PRIME - 1), min_size=1, max_size=40))
def test_the_polynomial_goes_through_all_its_points(points: dict[int, int]) -> None:
    x, y = (np.array(list(each)) for each in (points.keys(), points.values()))
    coefficients = interpolate(x, y)
    for place, value in points.items():
        assert sum(int(c) * pow(place, power, PRIME) for power, c in enumerate(coefficients)) % PRIME == value


def test_errors_are_of_exponents_first_and_of_mantissas_where_those_agree() -> None:
    one = np.array([0x3F80, 0x3F81, 0x4000])
    assert errors_of(one, one) == (0, 0, 0)
    assert errors_of(one, one ^ 0x8000) == (0, 0, 0), "signs do not count"
    assert errors_of(one, np.array([0x3F83, 0x3F81, 0x4080])) == (1, 1.5, 3)
    assert errors_of(one, one ^ 0x80) == (3, NOTHING_ALIKE, NOTHING_ALIKE)
    assert share(TOLERATED) == 1 and share(TOLERATED._replace(exponents=57)) == 1.5


MALFORMED: dict[str, tuple[str, str]] = {
    "no base64": ("/9k*", "not base64"),
    "no letters of base64": ("ü" * 8, "not base64"),
    "too short": (b64encode(bytes(256)).decode(), "258 bytes, not 256"),
    "too long": (b64encode(bytes(260)).decode(), "258 bytes, not 260"),
    "of nothing, as the package says of its failure": (b64encode(bytes(258)).decode(), "a modulus"),
    "a modulus beyond the field": (b64encode(b"\xff\xda" + bytes(256)).decode(), "a modulus"),
    "a modulus that makes one of many places": (b64encode(b"\x80\x00" + bytes(256)).decode(), "a modulus"),
    "a coefficient beyond the field": (b64encode(b"\xff\xd9" + bytes(254) + b"\xff\xd9").decode(), "not in the field"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_proof_is_refused_with_a_typed_error(name: str) -> None:
    text, says = MALFORMED[name]
    with pytest.raises(BadOpening, match=says):
        read_text(text)


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
def test_states_that_are_not_finite_have_no_proof(wrong: float) -> None:
    states = torch.ones(3, TOP)
    states[1, 5] = wrong
    with pytest.raises(ModelUnsupported, match="not finite"):
        largest(states)


def test_a_model_too_narrow_for_so_many_activations_is_refused(batch: Batch) -> None:
    with pytest.raises(ModelUnsupported, match="32 numbers"):
        sketcher_of(batch.params(sketch="toploc"), 32, torch.device("cpu"))


class ToplocBatch(Batch):
    """The job of six prompts, under proofs in the format of TOPLOC."""

    def raw(self, **changes: Any) -> dict[str, Any]:
        return super().raw(**{"sketch": "toploc", **changes})


@pytest.fixture(scope="module")
def wide(batch: Batch, tmp_path_factory: pytest.TempPathFactory) -> ToplocBatch:
    store = ModelStore(tmp_path_factory.mktemp("models"))
    model = store.add(build_tiny_model(tmp_path_factory.mktemp("wide"), 4 * TOP))
    job = ToplocBatch(store, model, batch.text)
    states = [GENERATE.start(job.params(), job.inputs)]
    for index in range(3):
        states.append(job.run(states[-1], index).state)
    return replace(job, states=tuple(states))


def answers_of(wide: ToplocBatch) -> tuple[Answer, ...]:
    return read_proof(read_checkpoint(wide.states[SEGMENT + 1]).proof, wide.params(), SEGMENT)


def claimed(wide: ToplocBatch, alter: Callable[[Answer], Answer]) -> bytes:
    """The checkpoint after the segment, the sketches of its first answer altered."""
    first, second = answers_of(wide)
    true = read_checkpoint(wide.states[SEGMENT + 1])
    before = Checkpoint(true.start, true.lines[:SEGMENT], true.proof_digests[:SEGMENT])
    return before.close(true.lines[SEGMENT], write_proof([alter(first), second])).encode()


def codes(wide: ToplocBatch, state: bytes, *readings: bytes) -> list[str]:
    shown = GENERATE.show(wide.params(), wide.inputs, state, SEGMENT, SEED, None)
    read = readings or (GENERATE.read(wide.params(), wide.inputs, shown, SEGMENT, SEED),)
    return [each.code for each in GENERATE.judge(wide.params(), state, shown, read, SEGMENT, SEED)]


def test_an_honest_job_passes_by_258_bytes_a_chunk_that_no_verifier_is_shown(wide: ToplocBatch) -> None:
    for segment in range(3):
        found = check_generation(wide.claim(segment), SEED, wide.spec(), wide.inputs)
        assert {finding.code for finding in found} == {AGREES}
    state = wide.states[SEGMENT + 1]
    assert codes(wide, state) == [AGREES]
    shown = GENERATE.show(wide.params(), wide.inputs, state, SEGMENT, SEED, None)
    for answer in answers_of(wide):
        assert answer.sketch.nbytes == 258 * -(-len(answer.tokens) // 32)
        assert answer.sketch[0].tobytes() not in shown


def test_a_job_of_the_usual_sketch_begins_as_before_there_were_two(batch: Batch) -> None:
    assert "sketch" not in batch.params().model_dump(mode="json")
    assert GENERATE.start(batch.params(), batch.inputs) != GENERATE.start(batch.params(sketch="toploc"), batch.inputs)


def of_other_states(answer: Answer) -> Answer:
    """Well formed, and of no state of the model's."""
    states = torch.randn(len(answer.tokens), 4 * TOP, generator=torch.Generator().manual_seed(1))
    return replace(answer, sketch=prove(largest(states)))


CHEATS: dict[str, tuple[Callable[[Answer], Answer], str]] = {
    "other states": (of_other_states, WRONG_STATES),
    "chunks changed about": (lambda a: replace(a, sketch=a.sketch[::-1]), WRONG_STATES),
    "one constant for all": (lambda a: replace(a, sketch=constant(a)), WRONG_STATES),
    "a modulus of nought": (lambda a: replace(a, sketch=a.sketch * np.arange(129).clip(0, 1).astype(">u2")), BAD_FORM),
    "a chunk too few": (lambda a: replace(a, sketch=a.sketch[:1]), BAD_FORM),
    "eight numbers": (lambda a: replace(a, sketch=np.ones((len(a.sketch), 8), "<f2")), BAD_FORM),
}


def constant(answer: Answer) -> Any:
    """A polynomial that says the same of every place: the activation most like all others."""
    sketch = np.zeros_like(answer.sketch)
    sketch[:, 0], sketch[:, 1] = PRIME, int(np.median(largest_of(answer)))
    return sketch


def largest_of(answer: Answer) -> Any:
    """Sizes as the largest of a normal distribution's have them."""
    return largest(torch.randn(32, 4 * TOP, generator=torch.Generator().manual_seed(2)))[:, TOP:] & 0x7FFF


@pytest.mark.parametrize("name", CHEATS)
def test_each_false_proof_is_contradicted(wide: ToplocBatch, name: str) -> None:
    alter, code = CHEATS[name]
    assert codes(wide, claimed(wide, alter)) == [code]


def test_readers_who_contradict_a_claim_by_like_activations_are_one_group(wide: ToplocBatch) -> None:
    state = claimed(wide, of_other_states)
    shown = GENERATE.show(wide.params(), wide.inputs, state, SEGMENT, SEED, None)
    honest = GENERATE.read(wide.params(), wide.inputs, shown, SEGMENT, SEED)
    made_up = remade(wide, honest, lambda points: points + np.arange(2 * TOP).astype("<u4") // TOP * 640)
    readings = [honest, made_up, honest]
    found = GENERATE.judge(wide.params(), state, shown, readings, SEGMENT, SEED)
    assert [each.group for each in found] == [1, 2, 1]


def remade(wide: ToplocBatch, reading: bytes, alter: Callable[[Any], Any]) -> bytes:
    """A reading of other activations."""
    drawn = draw_drawn(SEED, wide.params(), SEGMENT)
    answers = [answer for answer in answers_of(wide) if answer.request in drawn]
    seen = decode_reading(reading, answers, FORMS["toploc"]).seen
    return Reading("", tuple(replace(each, sketch=alter(each.sketch)) for each in seen)).encode()


def test_a_reading_that_says_one_place_many_times_or_no_finite_number_is_none(wide: ToplocBatch) -> None:
    state = wide.states[SEGMENT + 1]
    shown = GENERATE.show(wide.params(), wide.inputs, state, SEGMENT, SEED, None)
    honest = GENERATE.read(wide.params(), wide.inputs, shown, SEGMENT, SEED)
    one_place = remade(wide, honest, lambda points: np.repeat(points[:, ::TOP], TOP, axis=1))
    not_a_number = remade(wide, honest, lambda points: points | np.repeat([0, 0x7F80], TOP).astype("<u4"))
    assert codes(wide, state, honest, one_place, not_a_number) == [AGREES, BAD_READING, BAD_READING]


def test_a_reader_of_a_little_other_activations_is_as_near_as_the_proof_says() -> None:
    mine = torch.randn(40, 2 * TOP, generator=torch.Generator().manual_seed(3))
    theirs = mine * 1.01
    points, others = largest(mine), largest(theirs)
    assert np.allclose(apart(others, prove(points)), between(others, points))
    assert (apart(points, prove(points)) == 0).all() and 0.05 < apart(others, prove(points)).max() < 0.5
