"""A job of six prompts on the tiny model, its segments closed by one provider, and the claims of them."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from assay.proof.digest import blob_digest
from assay.schema.job import JobSpec
from assay.workloads import HeldInputs, ModelStore, SegmentResult, ignore_progress, read_params, workload
from assay.workloads.generate import Claim, GenerateParams
from assay.workloads.generate.opening import open_segment

PROMPTS = ["one", "two and a bit", "a third one", "four", "the fifth of six prompts", "6"]
TINY = {"requests": 6, "segment_requests": 2, "batch": 2, "max_tokens": 34, "prompt_tokens_max": 32, "threads": 1}
SEED = "5e" * 32


@dataclass(frozen=True)
class Batch:
    """A job, what it reads, and what came of it: the start, then the checkpoint after each segment."""

    store: ModelStore
    model: str
    text: bytes
    states: tuple[bytes, ...] = ()

    @property
    def inputs(self) -> HeldInputs:
        return HeldInputs(self.store, {blob_digest(self.text): self.text})

    def raw(self, **changes: Any) -> dict[str, Any]:
        return {"model": self.model, "prompts": blob_digest(self.text), **TINY, **changes}

    def params(self, **changes: Any) -> GenerateParams:
        params = read_params("generate", self.raw(**changes))
        assert isinstance(params, GenerateParams)
        return params

    def spec(self, **changes: Any) -> JobSpec:
        return JobSpec(kind="generate", params=self.raw(**changes), segments=3, segment_units=68)

    def run(self, state: bytes, index: int, **changes: Any) -> SegmentResult:
        return workload("generate").run(self.params(**changes), self.inputs, state, index, ignore_progress)

    def claim(self, segment: int) -> Claim:
        before, after = (workload("generate").digest(self.states[at]) for at in (segment, segment + 1))
        return Claim(segment, before, after, open_segment(self.states[segment + 1]))


@pytest.fixture(scope="session")
def batch(bench: Any) -> Batch:
    text = b"".join(json.dumps({"prompt": prompt}).encode() + b"\n" for prompt in PROMPTS)
    job = Batch(bench.store, bench.model, text)
    states = [workload("generate").start(job.params(), job.inputs)]
    for index in range(3):
        states.append(job.run(states[-1], index).state)
    return Batch(job.store, job.model, text, tuple(states))
