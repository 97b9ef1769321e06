"""A fine-tuning segment: some AdamW steps (Loshchilov and Hutter 2019) from one checkpoint to the next."""

import math
import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from assay.workloads.base_model import AdaptedModel, apply_adapter, load_adapted
from assay.workloads.checkpoint import (
    ADAPTER,
    FIRST,
    SECOND,
    STEP,
    Tensors,
    digest_of,
    read_checkpoint,
    write_tensors,
)
from assay.workloads.errors import BadCheckpoint, BadParams, Diverged
from assay.workloads.finetune import FinetuneParams
from assay.workloads.loss import next_token_loss
from assay.workloads.numerics import adamw_step, exact, frozen_head_loss
from assay.workloads.text import batch_of_step, check_vocabulary, read_corpus
from assay.workloads.workload import Inputs, Progress, SegmentResult

BETA_FIRST, BETA_SECOND = 0.9, 0.999
# Below the gradients that matter (1e-4), far above their rounding (1e-10). With the usual 1e-8 the first steps move a
# weight by the sign of a gradient that is zero but for rounding, and honest machines end twenty times further apart.
EPSILON = 1e-5


def train_segment(
    params: FinetuneParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
) -> SegmentResult:
    """Return segment `index` trained from `state`, the checkpoint before it; tells its progress after every step."""
    if not 0 <= index < params.steps // params.segment_steps:
        raise BadParams(f"Segment {index} is not in a job of {params.steps // params.segment_steps} segments.")
    adapted = load_adapted(params, inputs.models)
    tensors = read_checkpoint(state, adapted.shapes)
    check_step(tensors, index * params.segment_steps)
    corpus = read_corpus(params, inputs)
    check_vocabulary(corpus, len(adapted.head))
    adapted.set_adapter(group_of(tensors, ADAPTER))
    moments = {group: to_torch(group_of(tensors, group), adapted) for group in (FIRST, SECOND)}
    metrics = train_steps(params, adapted, moments, corpus.train, index, progress)
    closing = collect(adapted, moments, (index + 1) * params.segment_steps)
    return SegmentResult(write_tensors(closing), digest_of(closing), params.segment_tokens, metrics)


def check_step(tensors: Tensors, step: int) -> None:
    """Raise BadCheckpoint unless the checkpoint was taken after this many steps."""
    if (found := int(tensors[STEP][0])) != step:
        raise BadCheckpoint(f"The checkpoint was taken after {found} steps, but this segment begins after {step}.")


def train_steps(
    params: FinetuneParams,
    adapted: AdaptedModel,
    moments: dict[str, dict[str, Tensor]],
    windows: NDArray[np.int64],
    index: int,
    progress: Callable[[Progress], None],
) -> dict[str, float]:
    """Train the adapter and its moments in place for one segment, and return what was measured. Raises Diverged."""
    losses, began = [], time.perf_counter()
    for done in range(1, params.segment_steps + 1):
        step = index * params.segment_steps + done - 1
        losses.append(train_step(params, adapted, moments, batch_of_step(params, windows, step), step))
        if not math.isfinite(losses[-1]):
            raise Diverged(f"The loss was not finite at step {step}.")
        rate = done * params.batch * params.sequence_tokens / (time.perf_counter() - began)
        progress(Progress(done, params.segment_steps, {"loss": losses[-1], "step": step + 1, "tokens_per_s": rate}))
    return {"loss": math.fsum(losses) / len(losses), "loss_last": losses[-1], "tokens_per_s": rate}


def train_step(
    params: FinetuneParams,
    adapted: AdaptedModel,
    moments: dict[str, dict[str, Tensor]],
    batch: NDArray[np.int64],
    step: int,
) -> float:
    """Return the loss on this batch before the update that it led to."""
    windows = torch.tensor(batch, device=adapted.device)
    loss = loss_of(params, adapted, windows)
    loss.backward()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for name, parameter in adapted.adapter.items():
            update(params, parameter, moments[FIRST][name], moments[SECOND][name], step)
    return loss.item()


def loss_of(params: FinetuneParams, adapted: AdaptedModel, windows: Tensor) -> Tensor:
    """Return the mean loss on these windows, by the numerics that the job asks for."""
    if params.numerics == "native":
        return next_token_loss(adapted.hidden(windows[:, :-1]), adapted.head, windows)
    with exact(adapted.model):
        hidden = adapted.hidden(windows[:, :-1])
    return frozen_head_loss(hidden, adapted.head, windows)


def update(params: FinetuneParams, parameter: nn.Parameter, first: Tensor, second: Tensor, step: int) -> None:
    """Move one tensor of the adapter by its gradient, in place, and drop the gradient."""
    gradient, rate = parameter.grad, learning_rate(params, step)
    assert gradient is not None
    parameter.grad = None
    if params.numerics == "exact":
        betas = BETA_FIRST, BETA_SECOND
        adamw_step(parameter, gradient, first, second, step + 1, rate, betas, EPSILON, params.weight_decay)
        return
    first.mul_(BETA_FIRST).add_(gradient, alpha=1 - BETA_FIRST)
    second.mul_(BETA_SECOND).addcmul_(gradient, gradient, value=1 - BETA_SECOND)
    scale = second.sqrt().div_(math.sqrt(1 - BETA_SECOND ** (step + 1))).add_(EPSILON)
    parameter.mul_(1 - rate * params.weight_decay)
    parameter.addcdiv_(first, scale, value=-rate / (1 - BETA_FIRST ** (step + 1)))


def learning_rate(params: FinetuneParams, step: int) -> float:
    """Return the rate at this step: all the way the same, or falling in a straight line to zero at the end."""
    share = 1.0 if params.schedule == "constant" else 1 - step / params.steps
    return params.learning_rate * share


def group_of(tensors: Tensors, group: str) -> Tensors:
    """Return one group of a checkpoint, by the names of the adapter."""
    return {name.removeprefix(group): values for name, values in tensors.items() if name.startswith(group)}


def to_torch(tensors: Tensors, adapted: AdaptedModel) -> dict[str, Tensor]:
    """Return copies on the model's device, in memory that torch aligned: its kernels' sums can depend on that."""
    return {name: torch.tensor(values, device=adapted.device) for name, values in tensors.items()}


def collect(adapted: AdaptedModel, moments: dict[str, dict[str, Tensor]], step: int) -> Tensors:
    """Return the checkpoint's tensors in name order. Raises Diverged if one of them is not finite."""
    groups: dict[str, Mapping[str, Tensor]] = {ADAPTER: adapted.adapter, **moments}
    tensors: Tensors = {STEP: np.array([step], "<i8")}
    for group, members in groups.items():
        tensors |= {group + name: tensor.detach().cpu().numpy() for name, tensor in members.items()}
    if not all(np.isfinite(values).all() for values in tensors.values()):
        raise Diverged(f"A value of the checkpoint was not finite after step {step}.")
    return dict(sorted(tensors.items()))


def heldout_loss(params: FinetuneParams, inputs: Inputs, adapter: bytes | None) -> float:
    """Return the mean loss per token (nats) on the held-out text."""
    adapted, corpus = load_adapted(params, inputs.models), read_corpus(params, inputs)
    check_vocabulary(corpus, len(adapted.head))
    apply_adapter(adapted, adapter)
    with torch.no_grad():
        losses = [window_loss(params, adapted, window[None]) for window in corpus.heldout]
    return math.fsum(losses) / len(losses)


def window_loss(params: FinetuneParams, adapted: AdaptedModel, windows: NDArray[np.int64]) -> float:
    """Return the mean loss on these windows."""
    tokens = torch.tensor(windows, device=adapted.device)
    return loss_of(params, adapted, tokens).item()
