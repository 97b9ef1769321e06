"""A member's inner steps: AdamW on all weights of the space, from the outer state, on its own shard."""

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from assay.workloads.base_model import load_adapted, load_frozen
from assay.workloads.checkpoint import ADAPTER, FIRST, SECOND, STEP, Tensors
from assay.workloads.diloco.params import CourseParams, MemberParams
from assay.workloads.diloco.space import lora_of
from assay.workloads.errors import BadData, Diverged
from assay.workloads.llama import be_deterministic
from assay.workloads.models import ModelStore
from assay.workloads.numerics import adamw_factors, adamw_step, exact
from assay.workloads.text import check_tokenizer, cut_windows, epoch_order, tokenize
from assay.workloads.workload import Inputs, Progress

EPSILON = 1e-5
BETAS = (0.9, 0.99)
"""The second moment begins anew in each round, so it must learn faster than in a run that is never broken off."""


@dataclass(frozen=True)
class Trained:
    """A loaded model and what of it is trained, by the names of the space."""

    model: Any
    parameters: dict[str, nn.Parameter]
    device: torch.device

    def put(self, tensors: Tensors) -> None:
        """Copy these values into the model."""
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(torch.tensor(tensors[name]))
                parameter.grad = None

    def take(self) -> Tensors:
        """Return copies of the values in the model."""
        return {name: each.detach().cpu().numpy().copy() for name, each in self.parameters.items()}


def load_trained(params: CourseParams, store: ModelStore, threads: int) -> Trained:
    """Return the model of a course, ready to be trained. Raises ModelMissing, ModelCorrupt, ModelUnsupported."""
    be_deterministic(threads)
    if params.lora_rank:
        adapted = load_adapted(lora_of(params), store)
        return Trained(adapted.model, adapted.adapter, adapted.device)
    return load_whole(store.path(params.model))


@lru_cache(maxsize=1)
def load_whole(folder: Path) -> Trained:
    """Return a model of which every weight is trained; the last one is kept."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_frozen(folder, device).requires_grad_(True)
    return Trained(model, dict(sorted(model.named_parameters())), device)


def loss_of(trained: Trained, windows: NDArray[np.int64], numerics: str) -> Tensor:
    """Return the mean loss of next tokens on windows."""
    tokens = torch.tensor(windows, device=trained.device)
    if numerics == "exact":
        with exact(trained.model):
            return mean_loss(trained.model, tokens)
    return mean_loss(trained.model, tokens)


def mean_loss(model: Any, tokens: Tensor) -> Tensor:
    """Return the mean loss of a model that reads all but the last token."""
    logits = model(input_ids=tokens[:, :-1], use_cache=False).logits
    return nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


def read_windows(params: MemberParams, inputs: Inputs, vocabulary: int) -> NDArray[np.int64]:
    """Return the shard in windows. Raises BadData, ModelUnsupported."""
    folder = inputs.models.path(params.model)
    check_tokenizer(folder, vocabulary)
    tokens = tokenize(folder, inputs.read(params.data))
    windows = cut_windows(tokens, params.sequence_tokens)
    if len(windows) < params.batch:
        needed = params.batch * params.sequence_tokens + 1
        raise BadData(f"The shard has {len(tokens)} tokens; a step takes at least {needed}.")
    return windows


def batch_at(params: MemberParams, windows: NDArray[np.int64], step: int) -> NDArray[np.int64]:
    """Return the windows of a step, counted over all rounds: each epoch takes all once, in an order of the seed."""
    places, count = range(step * params.batch, (step + 1) * params.batch), len(windows)
    return windows[[epoch_order(params.seed, place // count, count)[place % count] for place in places]]


def rate_at(params: MemberParams, step: int) -> float:
    """Return the learning rate at a step of the round: it rises in a straight line, then stays."""
    return params.learning_rate * min(1.0, (step + 1) / (params.warmup_steps + 1))


def train_steps(
    params: MemberParams,
    trained: Trained,
    moments: dict[str, dict[str, Tensor]],
    windows: NDArray[np.int64],
    steps: range,
    tell: Callable[[Progress], None],
) -> dict[str, float]:
    """Train in place for these steps of the round, and return what was measured. Raises Diverged."""
    losses, began = [], time.perf_counter()
    for done, step in enumerate(steps, 1):
        batch = batch_at(params, windows, params.round * params.inner_steps + step)
        loss = loss_of(trained, batch, params.numerics)
        loss.backward()
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise Diverged(f"The loss was not finite at step {step}.")
        factors = factors_of(params, step)
        for name, parameter in trained.parameters.items():
            assert parameter.grad is not None
            adamw_step(parameter, parameter.grad, moments[FIRST][name], moments[SECOND][name], factors)
            parameter.grad = None
        rate = done * params.batch * params.sequence_tokens / (time.perf_counter() - began)
        tell(Progress(done, len(steps), {"loss": losses[-1], "step": step + 1, "tokens_per_s": rate}))
    return {"loss": math.fsum(losses) / len(losses), "loss_last": losses[-1], "tokens_per_s": rate}


def factors_of(params: MemberParams, step: int) -> tuple[float, ...]:
    """Return what AdamW multiplies by at a step of the round."""
    return adamw_factors(step + 1, rate_at(params, step), BETAS, EPSILON, params.weight_decay)


def no_moments(trained: Trained) -> dict[str, dict[str, Tensor]]:
    """Return the moments before the first step."""
    return {
        group: {name: torch.zeros_like(each) for name, each in trained.parameters.items()} for group in (FIRST, SECOND)
    }


def collect(weights: Tensors, moments: dict[str, dict[str, Tensor]], step: int) -> Tensors:
    """Return a checkpoint between two segments. Raises Diverged if a value is not finite."""
    tensors: Tensors = {STEP: np.array([step], "<i8")} | {ADAPTER + name: each for name, each in weights.items()}
    for group, members in moments.items():
        tensors |= {group + name: each.detach().cpu().numpy() for name, each in members.items()}
    if not all(np.isfinite(each).all() for each in tensors.values()):
        raise Diverged(f"A value of the checkpoint was not finite after step {step}.")
    return dict(sorted(tensors.items()))
