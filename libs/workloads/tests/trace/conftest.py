"""Steps to be traced, small but with every rule in them, and a worker that may cheat at any operator."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.workloads.trace.check import TraceReport, TraceSpec, check_trace, digest_of_state
from assay.workloads.trace.opening import OpeningWriter
from assay.workloads.trace.recording import Recorded

SEED = "5e" * 32
Cheat = Callable[[int, Any, Any, Any], Any]


def honest(step: int, node: Any, args: Any, options: Any) -> Any:
    return node.target(*args, **options)


@dataclass(frozen=True)
class Job:
    """Steps of one model, from a state that follows from integers."""

    spec: TraceSpec

    def forge(self, path: Path, cheat: Cheat = honest) -> TraceSpec:
        """What the opening of a worker is held against that ran every operator through `cheat` and committed to it."""
        recorded = record(self.spec, path, cheat)
        return replace(self.spec, root=recorded.root, state_out=self.spec.digest(recorded.state))

    def check(self, path: Path, cheat: Cheat = honest, seed: str = SEED) -> TraceReport:
        return check_trace(path, seed, self.forge(path, cheat))


def record(spec: TraceSpec, path: Path, cheat: Cheat) -> Recorded:
    import torch
    from torch.fx.node import map_arg

    plan, state = spec.plan, spec.state
    with path.open("wb") as file, torch.no_grad():
        writer = OpeningWriter(file, plan, len(spec.steps))
        for number, varying in enumerate(spec.steps):
            inputs = {**spec.fixed, **state, **varying}
            held: dict[Any, Any] = {node: inputs[name] for name, node in plan.step.inputs.items()}
            for node in plan.nodes:
                args, options = map_arg((node.args, node.kwargs), held.__getitem__)
                held[node] = cheat(number, node, args, options)
                if leaf := plan.committed.get(node):
                    writer.write(number, leaf, held[node])
            state = {name: held[plan.step.outputs[name]] for name in plan.step.state_names}
    return Recorded(writer.root, state)


def build_job(half: bool, steps: int = 1) -> Job:
    """A Llama of one layer that is trained whole; with `half` its products are in bfloat16."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from assay.workloads.trace.capture import BATCH, FIRST, SECOND, WEIGHT, capture_step
    from assay.workloads.trace.finetune import UNMASKED
    from assay.workloads.trace.optimiser import scalars_of
    from assay.workloads.trace.plan import Plan

    shape = {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 1, "vocab_size": 256}
    heads = {"num_attention_heads": 8, "num_key_value_heads": 4, "tie_word_embeddings": True}
    config = LlamaConfig(**shape, **heads, max_position_embeddings=64, attn_implementation=UNMASKED)

    class Loss(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = LlamaForCausalLM(config)

        def forward(self, windows: Any) -> Any:
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                logits = self.model(input_ids=windows[:, :-1], use_cache=False).logits
            return torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), windows[:, 1:].flatten())

    model, draw = Loss(), np.random.Generator(np.random.PCG64(7))
    batches = [torch.from_numpy(draw.integers(0, 256, (16, 65))) for _ in range(steps)]
    state: dict[str, Any] = {}
    for name, parameter in model.named_parameters():
        size = tuple(parameter.shape)
        weight = draw.standard_normal(size, "f4") * np.float32(size[-1] ** -0.5) + np.float32(len(size) == 1)
        moments = draw.standard_normal(size, "f4") * np.float32(1e-3), draw.random(size, "f4") * np.float32(1e-6)
        for group, values in zip((WEIGHT, FIRST, SECOND), (weight, *moments), strict=True):
            state[group + name] = torch.from_numpy(values)
    fixed = dict(model.named_buffers())
    given = tuple({BATCH: batch, **scalars_of(1e-3, 0.01, 5 + at)} for at, batch in enumerate(batches))
    plan = Plan(capture_step(model, batches[0]))
    return Job(TraceSpec(plan, fixed, state, given, "", "", digest_of_state))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def recorder() -> Callable[[TraceSpec, Path, Cheat], Recorded]:
    return record


@pytest.fixture(scope="session")
def job() -> Job:
    return build_job(half=False)


@pytest.fixture(scope="session")
def half_job() -> Job:
    return build_job(half=True)
