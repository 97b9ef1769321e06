"""Claims that are read: completions of the tiny model, judged by what verifiers see in them."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from libs.workloads.tests.conftest import build_tiny_model
from services.verification.tests.court import Court
from services.verification.tests.samples import MEGA_UNIT_PRICE, Work, party
from tests.played import PlayedBlobs, unsealed

from assay.proof import answer as proof
from assay.proof.digest import blob_digest
from assay.runtime.cache import Cache, Keyring
from assay.schema.audit import AuditAssigned, AuditClaim
from assay.schema.errors import Refused
from assay.schema.job import JobSpec
from assay.schema.lease import SlashReason
from assay.schema.values import cost_of, derive_id
from assay.verification.verifier.audit_run import Tools, answer
from assay.workloads import HeldInputs, ModelStore, ignore_progress, read_params, workload
from assay.workloads.generate.answers import Answer, read_proof
from assay.workloads.generate.decode import close_segment
from assay.workloads.generate.engine import load_engine
from assay.workloads.generate.reading import read_segment
from assay.workloads.generate.state import Checkpoint, read_checkpoint
from assay.workloads.runner import Runner

pytestmark = pytest.mark.server

GENERATE = workload("generate")
PROMPTS = b"".join(json.dumps({"prompt": text}).encode() + b"\n" for text in ("one", "two", "a third", "the fourth"))
TOKENS = 34
Alter = Callable[[Answer], Answer]


class Written(Work):
    """One lease that wrote the completions of a whole job; `alters` says how it falsified the answers of a segment."""

    def __init__(self, number: int, store: ModelStore, model: str, alters: dict[int, Alter] | None = None) -> None:
        self.store, self.model, self.alters = store, model, alters or {}
        self.lazy: set[str] = set()
        super().__init__(number, segments=2)

    @property
    def spec(self) -> JobSpec:
        params = {"model": self.model, "prompts": blob_digest(PROMPTS), "requests": 4, "segment_requests": 2}
        params |= {"max_tokens": TOKENS, "threads": 1, "seed": self.number}
        plain = {"inputs": (blob_digest(PROMPTS),), "segments": 2, "segment_units": 2 * TOKENS}
        return JobSpec(kind="generate", params=params, **plain)

    def run(self) -> list[bytes]:
        params, inputs = read_params("generate", self.spec.params), self.inputs
        states = [GENERATE.start(params, inputs)]
        for segment in range(2):
            state = GENERATE.run(params, inputs, states[-1], segment, ignore_progress).state
            states.append(self.falsified(states[-1], state, segment) if segment in self.alters else state)
        self.put(PROMPTS)
        return states

    @property
    def inputs(self) -> HeldInputs:
        return HeldInputs(self.store, {blob_digest(PROMPTS): PROMPTS})

    def falsified(self, before: bytes, after: bytes, segment: int) -> bytes:
        engine = load_engine(self.model, self.store, "float32", 1)
        params = read_params("generate", self.spec.params)
        answers = read_proof(read_checkpoint(after).proof, params, segment)
        altered = [self.alters[segment](answer) for answer in answers]
        return close_segment(engine, read_checkpoint(before), altered).encode()

    def reads(self, assigned: AuditAssigned, shown: bytes) -> bytes:
        assert assigned.claim is not None
        params = read_params("generate", assigned.spec.params)
        reading = read_segment(params, self.inputs, shown, assigned.segment, assigned.claim.seed)
        if assigned.verifier in self.lazy:
            # It runs the model for its states, and does not look at the tokens.
            reading = replace(reading, seen=tuple(replace(each, margins=each.margins * 0) for each in reading.seen))
        return reading.encode()


def as_if_by_another_model(answer: Answer) -> Answer:
    """States of another model: it was cheaper."""
    return replace(answer, sketch=answer.sketch[:, ::-1].copy())


def with_another_token(answer: Answer) -> Answer:
    """One token that the model did not choose; it is the last, so that no state follows from it."""
    tokens = answer.tokens.copy()
    tokens[-1] = (tokens[-1] + 7) % 256
    return replace(answer, tokens=tokens)


def tools_of(blobs: PlayedBlobs, runner: Runner, models: Path, folder: Path) -> Tools:
    """A verifier's tools, on a machine of its own."""

    async def refuse(name: str) -> bytes:
        raise Refused("key.undrawn")

    cache = Cache(folder / "blobs", folder / "arriving", blobs, Keyring(refuse, lambda name: None))
    return Tools(unsealed(blobs), cache, runner, asyncio.Lock(), models, folder / "scratch", folder / "laid")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("models")
    return folder, ModelStore(folder).add(build_tiny_model(tmp_path_factory.mktemp("tiny")))


@pytest.fixture
def write(court: Court, tiny: tuple[Path, str]) -> Callable[..., Written]:
    """Makes work, on the court's models."""
    folder, model = tiny
    court.models = folder

    def make(number: int, alters: dict[int, Alter] | None = None) -> Written:
        written = Written(number, ModelStore(folder), model, alters)
        court.reads = written.reads
        return written

    return make


async def test_a_worker_answers_with_what_it_reads(runner: Runner, tiny: tuple[Path, str], tmp_path: Path) -> None:
    folder, model = tiny
    work = Written(1, ModelStore(folder), model)
    params = read_params("generate", work.spec.params)
    shown = work.put(GENERATE.show(params, work.inputs, work.states[2], 1, "5e" * 32, None))  # type: ignore[attr-defined]
    claim = AuditClaim(method="prefill", shown=shown, seed="5e" * 32)
    audit_id, nonce = derive_id("a", 1), "ab" * 32
    terms = {"spec": work.spec, "segment": 1, "claim": claim, "nonce": nonce, "fee": 1, "deadline_ms": 2**50}
    assigned = AuditAssigned(audit_id=audit_id, verifier=party("v", 11), **terms)
    blobs = PlayedBlobs(dict(work.blobs))
    said = await answer(assigned, tools_of(blobs, runner, folder, tmp_path))
    assert blobs.held[said.checkpoint] == work.reads(assigned, work.blobs[shown])
    assert said.state == said.checkpoint and said.answer == proof.answer(nonce, blobs.held[said.checkpoint])


async def test_honest_completions_are_read_by_one_each_and_verified(court: Court, write: Any) -> None:
    await court.admit(11, 12, 13)
    work = write(1)
    await court.take(work)
    await court.until_still()
    assert await court.types("job") == ["job.verified"]
    for assigned in await court.said("audit.assigned"):
        assert assigned.claim.method == "prefill" and assigned.checkpoint is None
        assert assigned.claim.shown not in {commit.checkpoint for commit in work.commits}
    upheld = await court.said("audit.upheld")
    assert {(audit.method, audit.agreed) for audit in upheld} == {("prefill", True)} and len(upheld) == 2
    # Reading costs a part of writing, and is paid so.
    assert {audit.fee for audit in upheld} == {-(-cost_of(2 * TOKENS, MEGA_UNIT_PRICE) * 26 // 100)}
    (verdict,) = await court.said("verdict.reached")
    assert [f.code for f in verdict.findings if f.method == "prefill"] == ["segment.prefill_agrees"] * 2


@pytest.mark.parametrize(
    ("alter", "code"),
    [(as_if_by_another_model, "segment.wrong_states"), (with_another_token, "segment.wrong_tokens")],
)
async def test_cheap_completions_fall_by_three_readings(court: Court, write: Any, alter: Alter, code: str) -> None:
    await court.admit(11, 12, 13)
    await court.take(write(1, alters={1: alter}))
    await court.until_still()
    assert [event.code for event in await court.said("epoch.accused")] == [code]
    assert len([a for a in await court.said("audit.assigned") if a.segment == 1]) >= 3
    assert not await court.said("audit.overruled", "epoch.passed")


class Tells(Written):
    """Work whose last checkpoint says of what came before it whatever `lie` does."""

    @staticmethod
    def lie(true: Checkpoint) -> Checkpoint:
        raise NotImplementedError

    def run(self) -> list[bytes]:
        *states, last = super().run()
        return [*states, self.lie(read_checkpoint(last)).encode()]


class TellsOtherLines(Tells):
    """What was written well and read well, and other lines in its place in what is delivered."""

    @staticmethod
    def lie(true: Checkpoint) -> Checkpoint:
        lines = (true.lines[0].replace(b'"completion": "', b'"completion": "poison '), *true.lines[1:])
        return Checkpoint(true.start, lines, true.proof_digests, true.proof)


class TellsLess(Tells):
    """The same running digest over fewer segments."""

    @staticmethod
    def lie(true: Checkpoint) -> Checkpoint:
        return Checkpoint(true.link(1), true.lines[1:], true.proof_digests[1:], true.proof)


@pytest.mark.parametrize("work", [TellsOtherLines, TellsLess])
async def test_a_result_whose_history_is_not_what_was_committed_is_found_without_a_draw(
    court: Court, tiny: tuple[Path, str], work: type[Tells]
) -> None:
    folder, model = tiny
    await court.take(work(1, ModelStore(folder), model))
    await court.until_still()
    assert [event.code for event in await court.said("lease.rejected")] == ["segment.wrong_history"]
    (verdict,) = await court.said("verdict.reached")
    assert verdict.epoch_id is None and verdict.findings[-1].method == "history"
    assert await court.types("job") == ["job.rejected"]


class TellsLessMidway(TellsLess):
    """Of the first of two segments that is drawn, a checkpoint that closes none."""

    def run(self) -> list[bytes]:
        start, _, last = Written.run(self)
        true = read_checkpoint(last)
        # The digest after the first segment, held by a checkpoint that has none.
        return [start, Checkpoint(true.link(1)).encode(), last]


async def test_a_drawn_checkpoint_that_closes_another_segment_is_the_providers_fault_and_holds_up_no_epoch(
    court: Court, tiny: tuple[Path, str]
) -> None:
    folder, model = tiny
    await court.admit(11, 12, 13)
    await court.take(TellsLessMidway(1, ModelStore(folder), model))
    await court.until_still()
    assert [event.code for event in await court.said("epoch.withheld")] == ["segment.wrong_history"]
    assert await court.types("job") == ["job.rejected"]


async def test_who_does_not_look_at_the_tokens_is_found_by_a_planted_claim(court: Court, write: Any) -> None:
    court.knobs = {"planted_ppm": 500_000}
    await court.admit(11, 12, 13)
    lazy = party("v", 12)
    for number in range(1, 21):
        work = write(number)
        work.lazy.add(lazy)
        await court.take(work)
        await court.until_still()
        if await court.said("audit.overruled"):
            break
    assert set(await court.types("job")) == {"job.verified"}
    # Who looks is never blamed; of a planted claim nothing is said that names it.
    assert {(o.verifier, o.reason, o.lease_id) for o in await court.said("audit.overruled")} == {
        (lazy, SlashReason.LAZY_VERIFIER, None)
    }
