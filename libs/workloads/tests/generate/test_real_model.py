"""The check on the model of the demonstrations, where it is installed (ASSAY_MODELS_DIR, or var/models at the root)."""

import copy
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from assay.proof.digest import blob_digest
from assay.schema.job import JobSpec
from assay.workloads import HeldInputs, ModelStore, ignore_progress
from assay.workloads.generate import Claim
from assay.workloads.generate.check import check_generation, params_of
from assay.workloads.generate.decode import close_segment, complete
from assay.workloads.generate.engine import load_engine
from assay.workloads.generate.forms import sketcher_of
from assay.workloads.generate.limits import WRONG_STATES, WRONG_TOKENS
from assay.workloads.generate.opening import open_segment
from assay.workloads.generate.prefill import read
from assay.workloads.generate.state import start_of
from assay.workloads.smollm2 import SMOLLM2

STORE = ModelStore(Path(os.environ.get("ASSAY_MODELS_DIR", Path(__file__).parents[4] / "var" / "models")))
TEXT = b"".join(json.dumps({"prompt": p}).encode() + b"\n" for p in ("What is copper good for?", "Praise the sea."))
JOB = {"model": SMOLLM2, "prompts": blob_digest(TEXT), "requests": 2, "segment_requests": 2, "max_tokens": 16}


@pytest.mark.slow
@pytest.mark.skipif(SMOLLM2 not in STORE, reason="SmolLM2 is not in the model store")
@pytest.mark.parametrize("sketch", ["projection", "toploc"])
def test_honest_answers_pass_and_a_dropped_layer_does_not_even_under_the_right_sketches(sketch: str) -> None:
    spec = JobSpec(kind="generate", params=JOB | {"sketch": sketch}, segments=1, segment_units=32)
    inputs, params = HeldInputs(STORE, {blob_digest(TEXT): TEXT}), params_of(spec)
    engine = load_engine(SMOLLM2, STORE, "float32", 1)
    asked = [(at, engine.encode(json.loads(line)["prompt"], params)) for at, line in enumerate(TEXT.splitlines())]
    trunk = copy.copy(engine.trunk)
    trunk._modules = dict(trunk._modules) | {"layers": trunk.layers[:-1]}
    trunk.config = copy.deepcopy(trunk.config)
    trunk.config.num_hidden_layers -= 1
    cheap = complete(replace(engine, trunk=trunk), params, asked, ignore_progress)
    sketcher, prompts = sketcher_of(params, engine.width, engine.device), dict(asked)
    with torch.no_grad():
        disguised = [
            replace(a, sketch=sketcher.claim(sketcher.add_all(read(engine, [(prompts[a.request], a)])[0])))
            for a in cheap
        ]

    def found(answers: Any) -> set[str]:
        after = close_segment(engine, start_of(params), answers)
        claim = Claim(0, after.start.hex(), after.link(1).hex(), open_segment(after.encode()))
        return {finding.code for finding in check_generation(claim, "5e" * 32, spec, inputs) if not finding.passed}

    assert found(complete(engine, params, asked, ignore_progress)) == set()
    assert found(cheap) == {WRONG_STATES}
    assert found(disguised) == {WRONG_TOKENS}
