"""What memory work on a model asks for by the model's size, and how it is refused where a machine has less."""

from typing import Any

import pytest
import torch

from assay.proof.digest import blob_digest
from assay.workloads import HeldInputs, ignore_progress, read_params, workload
from assay.workloads.errors import TooLarge
from assay.workloads.fitting import room_for
from assay.workloads.model_files import count_parameters

MODEL, GIB = "a" * 64, 1 << 30
SMALL, LARGE = 135_000_000, 1_700_000_000
JOBS: dict[str, dict[str, Any]] = {
    "generate": {"prompts": "b" * 64, "requests": 8},
    "serve": {"caller": "0x" + "1" * 40, "name": "c" * 64, "segments": 1},
    "diloco": {"data": "b" * 64, "inner_steps": 1},
    "diloco-outer": {"results": ["b" * 64, "c" * 64]},
}


def asked(kind: str, **changes: Any) -> int:
    params = read_params(kind, {"model": MODEL, **JOBS[kind], **changes})
    return workload(kind).requirements(params)["memory_bytes"]


@pytest.mark.parametrize("kind", JOBS)
def test_every_kind_asks_for_the_memory_of_the_model_that_is_named(kind: str) -> None:
    assert asked(kind) < 4 * GIB, "without a size, what a small provider has"
    assert asked(kind, model_parameters=SMALL) < asked(kind, model_parameters=LARGE)
    assert asked(kind, model_parameters=LARGE) > 4 * LARGE


def test_a_round_on_all_weights_asks_for_all_that_it_holds_and_one_on_an_adapter_for_less() -> None:
    assert 5 * GIB < asked("diloco", model_parameters=SMALL) < 8 * GIB
    assert asked("diloco", model_parameters=SMALL, lora_rank=8) < 4 * GIB
    assert asked("diloco-outer", model_parameters=SMALL) > 4 * GIB > asked("diloco-outer", lora_rank=8)


def hold_round(job: Any) -> None:
    raw = {"model": job.model, "data": job.data, "inner_steps": 1, "sequence_tokens": 16, "threads": 1}
    kind, params = workload("diloco"), read_params("diloco", raw)
    kind.run(params, job.inputs, kind.start(params, job.inputs), 0, ignore_progress)


def complete(job: Any) -> None:
    prompts = b'{"prompt": "one"}'
    raw = {"model": job.model, "prompts": blob_digest(prompts), "requests": 1, "segment_requests": 1, "threads": 1}
    kind, params = workload("generate"), read_params("generate", raw)
    inputs = HeldInputs(job.store, {blob_digest(prompts): prompts})
    kind.run(params, inputs, kind.start(params, inputs), 0, ignore_progress)


@pytest.mark.parametrize(
    ("run", "says"),
    [(hold_round, r"an adapter would fit \(lora_rank=8\); as it is"), (complete, "0 GiB so: as it is")],
)
def test_a_model_beyond_the_memory_is_refused_with_what_it_needs(
    bench: Any, monkeypatch: pytest.MonkeyPatch, run: Any, says: str
) -> None:
    monkeypatch.setattr("assay.workloads.fitting.memory_of", lambda device: 1_000)
    parameters = count_parameters(bench.store.path(bench.model))
    with pytest.raises(TooLarge, match=rf"{says}.* machines of 3 GiB \(model_parameters={parameters}\)"):
        run(bench)


def test_a_device_that_is_full_half_way_is_said_with_what_is_needed(bench: Any) -> None:
    with (
        pytest.raises(TooLarge, match="it needs machines of 3 GiB"),
        room_for("text", bench.store.path(bench.model), 8),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory")
