"""The adapter's first values, and the artefact that the requester gets."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from assay.workloads import BadCheckpoint, BadParams, SegmentResult, workload
from assay.workloads.adapter import draw_values, read_shapes, save_adapter
from assay.workloads.checkpoint import read_checkpoint, read_tensors, write_tensors

FINETUNE: Any = workload("finetune")


def test_first_values_are_the_same_on_every_machine() -> None:
    values = draw_values(3, "layer", (2, 2), 0.5)
    assert values.dtype == np.float32
    assert values.tobytes().hex() == "12e2febef0db36be0ce610be905aac3e"


def test_first_values_fill_their_range_evenly() -> None:
    values = draw_values(0, "x", (100, 100), 0.25)
    assert -0.25 <= values.min() < -0.249 and 0.249 < values.max() < 0.25
    assert abs(float(values.mean())) < 0.01


def test_the_start_changes_nothing_and_depends_on_the_seed_alone(bench: Any, start: bytes) -> None:
    tensors = read_checkpoint(start)
    assert all(not values.any() for name, values in tensors.items() if "lora_A" not in name or "exp_avg" in name)
    assert FINETUNE.start(bench.params(steps=2, learning_rate=0.5), bench.inputs) == start
    assert FINETUNE.start(bench.params(seed=1), bench.inputs) != start


def test_only_the_top_layers_are_adapted_if_the_job_says_so(bench: Any) -> None:
    folder = bench.store.path(bench.model)
    assert {name.split(".")[4] for name in read_shapes(bench.params(), folder)} == {"0", "1"}
    assert {name.split(".")[4] for name in read_shapes(bench.params(lora_layers=1), folder)} == {"1"}


def test_a_model_without_the_targets_is_refused(bench: Any, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(write_tensors({"other": np.zeros(1, "<f4")}))
    with pytest.raises(BadParams, match="none of the layers q_proj, v_proj"):
        read_shapes(bench.params(), tmp_path)


def test_peft_reads_the_result_and_computes_the_same(bench: Any, chain: list[SegmentResult], tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from assay.workloads.base_model import apply_adapter, load_adapted

    result = FINETUNE.result(bench.params(), chain[-1].state)
    save_adapter(result, tmp_path)
    base = AutoModelForCausalLM.from_pretrained(bench.store.path(bench.model), local_files_only=True)
    tokens = torch.arange(12)[None]
    plain = base(tokens).logits
    theirs = PeftModel.from_pretrained(base, str(tmp_path))(tokens).logits
    adapted = load_adapted(bench.params(), bench.store)
    apply_adapter(adapted, result)
    torch.testing.assert_close(adapted.model(tokens).logits, theirs)
    assert (plain - theirs).abs().max() > 1e-3


def test_the_result_is_the_same_bytes_every_time(bench: Any, chain: list[SegmentResult]) -> None:
    results = {FINETUNE.result(bench.params(), chain[-1].state) for _ in range(3)}
    assert len(results) == 1
    assert set(read_tensors(results.pop())) == set(read_shapes(bench.params(), bench.store.path(bench.model)))


def test_an_adapter_of_another_shape_is_refused(bench: Any, chain: list[SegmentResult]) -> None:
    result = FINETUNE.result(bench.params(), chain[-1].state)
    with pytest.raises(BadCheckpoint, match="lora_A"):
        FINETUNE.evaluate(bench.params(lora_rank=3), bench.inputs, result)
