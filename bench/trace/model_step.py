"""One training step of the benchmark's GPT, ready to be run, traced and checked, with the processor time of each."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from assay.workloads.trace.capture import BATCH, FIRST, GROUPS, SECOND, WEIGHT, capture_step
from assay.workloads.trace.check import TraceSpec, digest_of_state
from assay.workloads.trace.optimiser import scalars_of
from assay.workloads.trace.plan import Plan
from assay.workloads.trace.recording import record_trace
from bench.trace.gpt import GPT

RATE: Final = 1e-3
DECAY: Final = 0.01


@dataclass(frozen=True)
class ModelStep:
    """A step whose opening lies in a file."""

    spec: TraceSpec
    path: Path
    parameters: int
    step_s: float
    record_s: float

    @property
    def trace_bytes(self) -> int:
        """The size of the opening."""
        return self.path.stat().st_size


def prepare(folder: Path, width: int, layers: int, rows: int, length: int, half: bool = False) -> ModelStep:
    """A step of a GPT on `rows` windows, run plainly and traced."""
    torch.manual_seed(0)
    model = GPT(width, layers, length, half=half)
    batch = torch.randint(0, 512, (rows, length + 1))
    plan = Plan(capture_step(model, batch))
    state = start_of(model)
    steps = ({BATCH: batch, **scalars_of(RATE, DECAY, 5)},)
    path = folder / f"{width}.{'half' if half else 'full'}.trace"
    step_s = least_s(lambda: train(model, batch), 2)
    began = time.process_time()
    recorded = record_trace(plan, {}, state, steps, path)
    record_s = time.process_time() - began
    spec = TraceSpec(plan, {}, state, steps, recorded.root, digest_of_state(recorded.state), digest_of_state)
    return ModelStep(spec, path, sum(each.numel() for each in model.parameters()), step_s, record_s)


def start_of(model: GPT) -> dict[str, Tensor]:
    """Weights and moments as they are some steps into a training."""
    scales = {WEIGHT: 0.0, FIRST: 1e-3, SECOND: 1e-6}
    state: dict[str, Any] = {}
    for name, parameter in model.named_parameters():
        state |= {group + name: torch.rand_like(parameter).detach() * scales[group] for group in GROUPS}
        state[WEIGHT + name] = parameter.detach().clone()
    return state


def train(model: GPT, batch: Tensor) -> None:
    """The step as it is trained, which is also what a full replay costs."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    model(batch).backward()
    optimiser.step()
    optimiser.zero_grad()


def least_s(work: Callable[[], object], times: int) -> float:
    """The least processor time of some runs: what others on this machine add is left out."""
    found = []
    for _ in range(times):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)
