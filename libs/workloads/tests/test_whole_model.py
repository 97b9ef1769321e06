"""Full fine-tuning, what a job starts from, what does not fit, and what comes apart."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from assay.proof.digest import blob_digest
from assay.workloads import HeldInputs, ignore_progress, machine, workload
from assay.workloads.checkpoint import read_checkpoint, read_tensors, write_tensors
from assay.workloads.errors import BadStart, Diverged, NotTraced, TooLarge
from assay.workloads.finetune import FinetuneParams
from assay.workloads.fitting import check_fits
from assay.workloads.memory import bytes_to_ask
from assay.workloads.meter import Meter, energy_mj, handle_of
from assay.workloads.trace.finetune import check_traced
from assay.workloads.training import check_sense
from assay.workloads.updating import learning_rate

FINETUNE: Any = workload("finetune")
WHOLE: dict[str, Any] = {"method": "full", "segment_steps": 2, "learning_rate": 1e-3, "clip_norm": 0.5}


def chain(bench: Any, segments: int = 3, **changes: Any) -> list[Any]:
    params = bench.params(**changes)
    return bench.chain(FINETUNE.start(params, bench.inputs), range(segments), **changes)


def test_every_weight_is_trained_and_a_resumed_job_ends_in_the_same_bits(bench: Any) -> None:
    start = FINETUNE.start(bench.params(**WHOLE), bench.inputs)
    whole = bench.chain(start, range(3), **WHOLE)
    assert bench.chain(whole[0].state, range(1, 3), **WHOLE)[-1].state == whole[-1].state
    before, after = read_checkpoint(start), read_checkpoint(whole[-1].state)
    assert {name for name in before if name != "step" and (before[name] == after[name]).all()} == set()
    assert bench.chain(start, range(1), **WHOLE | {"batch": 1})[-1].state != whole[0].state


def test_whole_exact_training_has_the_same_bits_on_any_number_of_threads_and_is_near_the_native(bench: Any) -> None:
    ends = [chain(bench, 1, **WHOLE, numerics="exact", threads=threads)[-1].state for threads in (1, 2)]
    assert ends[0] == ends[1]
    start = FINETUNE.start(bench.params(**WHOLE), bench.inputs)
    assert 0 < FINETUNE.distance(chain(bench, 1, **WHOLE)[-1].state, ends[0], start) < 1e-2


def test_the_model_that_comes_of_it_is_read_as_any_other(bench: Any, tmp_path: Any) -> None:
    from transformers import AutoModelForCausalLM

    closed = chain(bench, 1, **WHOLE)[-1]
    result = FINETUNE.result(bench.params(**WHOLE), closed.state)
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((bench.store.path(bench.model) / name).read_bytes())
    (tmp_path / "model.safetensors").write_bytes(result)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, local_files_only=True)
    tokens = torch.arange(20)[None]
    mean = theirs(tokens, labels=tokens).loss.item()
    assert math.isfinite(mean) and set(read_tensors(result)) == {name for name, _ in theirs.named_parameters()}
    params = bench.params(**WHOLE)
    ours = [FINETUNE.evaluate(params, bench.inputs, each) for each in (None, result, None)]
    assert ours[0] == ours[2] != ours[1]


def test_a_job_starts_from_the_weights_of_an_earlier_result_or_checkpoint(bench: Any) -> None:
    for changes in ({}, WHOLE):
        earlier = chain(bench, 1, **changes)[0].state
        result = FINETUNE.result(bench.params(**changes), earlier)
        for data in (earlier, result):
            held = HeldInputs(bench.store, {blob_digest(data): data})
            params = bench.params(**changes, start_from=blob_digest(data))
            assert FINETUNE.inputs(params) == [params.data, params.start_from]
            start = read_checkpoint(FINETUNE.start(params, held))
            assert start["step"][0] == 0 and not any(t.any() for n, t in start.items() if n.startswith("exp_avg"))
            assert {n: t.tobytes() for n, t in start.items() if n.startswith("adapter.")} == {
                n: t.tobytes() for n, t in read_checkpoint(earlier).items() if n.startswith("adapter.")
            }


@pytest.mark.parametrize("data", [b"", b"\xff" * 99, write_tensors({"adapter.x": np.zeros(2, "<f4")})])
def test_a_start_of_another_shape_is_the_jobs_own_failure(bench: Any, data: bytes) -> None:
    held = HeldInputs(bench.store, {blob_digest(data): data})
    with pytest.raises(BadStart, match="Name the result or a checkpoint"):
        FINETUNE.start(bench.params(start_from=blob_digest(data)), held)


def test_a_model_that_does_not_fit_is_refused_with_what_would(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, cpu = bench.store.path(bench.model), torch.device("cpu")
    monkeypatch.setattr("assay.workloads.fitting.memory_of", lambda device: 5 << 30)
    monkeypatch.setattr("assay.workloads.fitting.count_parameters", lambda folder: 350_000_000)
    with pytest.raises(TooLarge, match=r"350 million parameters .* 5\.0 GiB so: method=lora would fit; .*=350000000"):
        check_fits(bench.params(**WHOLE), folder, cpu)
    check_fits(bench.params(), folder, cpu)
    monkeypatch.setattr("assay.workloads.fitting.count_parameters", lambda folder: 10**9)
    with pytest.raises(TooLarge, match=r"1000 million weights has 11\.2 GiB, of at most 4: method=lora would fit"):
        check_fits(bench.params(**WHOLE), folder, cpu)


def test_a_device_without_room_fails_the_job_by_name(bench: Any, start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("assay.workloads.training.train_from", full)
    monkeypatch.setattr("assay.workloads.training.memory_of", lambda device: 4 << 30)
    with pytest.raises(TooLarge, match=r"4\.0 GiB so"):
        FINETUNE.run(bench.params(), bench.inputs, start, 0, ignore_progress)


def test_a_job_asks_for_the_memory_of_its_real_size() -> None:
    fixed = {"model": "a" * 64, "data": "b" * 64, "steps": 1, "segment_steps": 1}
    small, large = (FinetuneParams(**fixed, model_parameters=size) for size in (135_000_000, 7_000_000_000))
    whole = small.model_copy(update={"method": "full"})
    assert bytes_to_ask(small) < 4 << 30 < bytes_to_ask(whole) < bytes_to_ask(large)
    assert FINETUNE.requirements(small.model_copy(update={"dtype": "bfloat16"}))["gpu"] == 1


def test_training_that_comes_apart_says_when_and_what_to_do(bench: Any) -> None:
    with pytest.raises(Diverged, match=r"step 7 .* guessing has 5.6. Lower the learning rate, warm it up"):
        check_sense(12.0, 258, 7)
    with pytest.raises(Diverged):
        chain(bench, **WHOLE | {"learning_rate": 1.0, "clip_norm": None, "schedule": "constant"}, batch=4)


def test_the_rate_warms_up_and_then_follows_its_schedule(bench: Any) -> None:
    job = bench.params(steps=10, segment_steps=2, warmup_steps=4, schedule="cosine")
    rates = [learning_rate(job, step) for step in range(10)]
    assert rates[:4] == pytest.approx([0.0025, 0.005, 0.0075, 0.01])
    assert rates[4:] == pytest.approx([0.005 * (1 + math.cos(math.pi * step / 6)) for step in range(6)])


@pytest.mark.parametrize("form", [WHOLE, {"clip_norm": 1.0}, {"accumulate": 2}, {"data_form": "chat"}])
def test_what_has_no_trace_is_refused_by_name(bench: Any, form: dict[str, Any]) -> None:
    with pytest.raises(NotTraced, match="Leave the order's method out"):
        check_traced(bench.params(**form))


class Driver:
    """NVML's calls as a driver answers them: one card, whose counter goes on."""

    def __init__(self, counts: bool) -> None:
        self.counts, self.used_mj = counts, 1_000

    def nvmlDeviceGetHandleByUUID(self, name: bytes, handle: Any) -> int:
        return 0 if name == b"GPU-1" else 6

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: Any, used: Any) -> int:
        self.used_mj += 2_500
        used._obj.value = self.used_mj
        return 0 if self.counts else 3


def test_energy_is_the_drivers_count_where_it_counts() -> None:
    counting, silent = Driver(True), Driver(False)
    handle = handle_of("GPU-1", counting)
    assert energy_mj(handle, counting) == 3_500
    assert energy_mj(handle, silent) is None and energy_mj(None, counting) is None
    assert handle_of("GPU-2", counting) is None
    assert Meter(torch.device("cpu")).read() == {}


def test_the_gpus_that_work_may_have_are_those_that_the_environment_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.read_gpus({}) == ()
    monkeypatch.setattr(machine, "has_gpu", lambda torch: True)
    assert machine.read_gpus({"CUDA_VISIBLE_DEVICES": "1, MIG-7a/1/0"}) == ("1", "MIG-7a/1/0")
    assert machine.read_gpus({"CUDA_VISIBLE_DEVICES": ""}) == ()
