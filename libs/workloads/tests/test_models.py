"""The store of models by digest."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from assay.workloads import ModelCorrupt, ModelMissing, ModelStore, ModelUnsupported, ignore_progress, workload
from assay.workloads.adapter import start_adapter
from assay.workloads.checkpoint import write_tensors


def test_a_model_is_stored_once_under_the_digest_of_its_files(bench: Any, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "store")
    folder = bench.store.path(bench.model)
    assert store.add(folder) == store.add(folder) == bench.model
    assert [path.name for path in store.root.iterdir()] == [bench.model]
    store.verify(bench.model)


@pytest.mark.parametrize("change", ["content", "name", "extra file"])
def test_changed_files_are_found(bench: Any, tmp_path: Path, change: str) -> None:
    store = ModelStore(tmp_path)
    folder = store.path(store.add(bench.store.path(bench.model)))
    if change == "content":
        weights = bytearray((folder / "model.safetensors").read_bytes())
        weights[-1] ^= 1
        (folder / "model.safetensors").write_bytes(weights)
    elif change == "name":
        (folder / "config.json").rename(folder / "konfig.json")
    else:
        (folder / "extra.json").write_text("{}")
    with pytest.raises(ModelCorrupt, match=bench.model):
        store.verify(bench.model)


def test_a_model_that_is_not_here_is_named(bench: Any, start: bytes, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="0" * 64):
        ModelStore(tmp_path).path("0" * 64)
    with pytest.raises(ModelMissing):
        workload("finetune").run(bench.params(model="0" * 64), bench.inputs, start, 0, ignore_progress)


def test_a_corrupt_model_never_runs(bench: Any, start: bytes, tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    shutil.copytree(bench.store.path(bench.model), tmp_path / bench.model)
    (tmp_path / bench.model / "config.json").write_text("{}")
    moved = bench.moved(store, bench.model)
    with pytest.raises(ModelCorrupt):
        moved.chain(start, range(1))


def test_a_model_of_another_family_never_runs(bench: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bench.store.path(bench.model), tmp_path / "other"))
    (folder / "config.json").write_text('{"model_type": "llama4", "auto_map": {"AutoModelForCausalLM": "evil.Model"}}')
    store = ModelStore(tmp_path / "store")
    moved = bench.moved(store, store.add(folder))
    with pytest.raises(ModelUnsupported, match="family llama4"):
        moved.chain(write_tensors(start_adapter(moved.params(), folder)), range(1))
