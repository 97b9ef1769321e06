"""A segment that fails on every machine, from what its provider left before it: verifiers say that it is nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from libs.workloads.tests.conftest import TINY, build_tiny_model
from services.verification.tests.samples import party
from services.verification.tests.test_claims import tools_of
from tests.played import PlayedBlobs

from assay.proof import answer as proof
from assay.proof.digest import blob_digest
from assay.schema.audit import AuditAssigned
from assay.schema.job import JobSpec
from assay.schema.values import derive_id
from assay.verification.verifier.audit_run import CannotAnswer, answer
from assay.workloads import Diverged, HeldInputs, ModelStore, ignore_progress, read_params, workload
from assay.workloads.checkpoint import ADAPTER, read_checkpoint, write_tensors
from assay.workloads.runner import Runner

TUNE = workload("finetune")
TEXT = b"who cannot go on from what was left says so, and is believed if others say the same; " * 60


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelStore, str]:
    held = ModelStore(tmp_path_factory.mktemp("models"))
    return held, held.add(build_tiny_model(tmp_path_factory.mktemp("tiny")))


def blown_up(store: ModelStore, spec: JobSpec) -> bytes:
    """The checkpoint after the first segment, of the right form, with weights from which no training goes on."""
    params, inputs = read_params("finetune", spec.params), HeldInputs(store, {blob_digest(TEXT): TEXT})
    done = TUNE.run(params, inputs, TUNE.start(params, inputs), 0, ignore_progress).state
    tensors = read_checkpoint(done)
    large = {name: np.full_like(each, 1e30) if name.startswith(ADAPTER) else each for name, each in tensors.items()}
    false = write_tensors(large)
    TUNE.check_place(params, TUNE.form(done), false, 1)  # type: ignore[attr-defined]
    with pytest.raises(Diverged):
        TUNE.run(params, inputs, false, 1, ignore_progress)
    return false


async def answered(store: ModelStore, model: str, runner: Runner, folder: Path, **changes: Any) -> tuple[Any, bytes]:
    params = {**TINY, "model": model, "data": blob_digest(TEXT), **changes}
    spec = JobSpec(kind="finetune", params=params, inputs=(blob_digest(TEXT),), segments=3, segment_units=64)
    false = blown_up(store, spec)
    held = {blob_digest(content): content for content in (TEXT, false)}
    asked = asked_about(spec, 1, blob_digest(false))
    return await answer(asked, tools_of(PlayedBlobs(held), runner, store.root, folder)), false


def asked_about(spec: JobSpec, segment: int, checkpoint: str | None) -> AuditAssigned:
    terms = {"spec": spec, "segment": segment, "checkpoint": checkpoint, "fee": 1, "deadline_ms": 2**50}
    return AuditAssigned(audit_id=derive_id("a", 1), verifier=party("v", 11), nonce="ab" * 32, **terms)


async def test_what_diverges_from_what_was_left_ends_where_it_began(
    runner: Runner, store: tuple[ModelStore, str], tmp_path: Path
) -> None:
    said, false = await answered(*store, runner, tmp_path)
    assert (said.state, said.checkpoint) == (TUNE.digest(false), blob_digest(false))
    assert said.answer == proof.answer("ab" * 32, false)


async def test_of_work_that_a_contract_may_judge_nothing_is_said(
    runner: Runner, store: tuple[ModelStore, str], tmp_path: Path
) -> None:
    with pytest.raises(CannotAnswer, match=r"workload\.diverged"):
        await answered(*store, runner, tmp_path, numerics="exact")


async def test_data_from_which_nobody_learns_leave_a_job_where_it_starts(
    runner: Runner, store: tuple[ModelStore, str], tmp_path: Path
) -> None:
    held, model = store
    content = b"too short"
    short = blob_digest(content)
    spec = JobSpec(
        kind="finetune", params={**TINY, "model": model, "data": short}, inputs=(short,), segments=3, segment_units=64
    )
    said = await answer(
        asked_about(spec, 0, None), tools_of(PlayedBlobs({short: content}), runner, held.root, tmp_path)
    )
    start = TUNE.start(read_params("finetune", spec.params), HeldInputs(held, {}))
    assert (said.state, said.checkpoint) == (TUNE.digest(start), blob_digest(start))
