"""A fine-tuning segment: some steps of AdamW from one checkpoint to the next, and what was measured on the way."""

import math
import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from assay.workloads.base_model import AdaptedModel, apply_result, load_adapted
from assay.workloads.checkpoint import (
    ADAPTER,
    FIRST,
    SECOND,
    STEP,
    Tensors,
    check_step,
    digest_of,
    read_checkpoint,
    write_tensors,
)
from assay.workloads.errors import BadParams, Diverged
from assay.workloads.finetune import FinetuneParams
from assay.workloads.fitting import memory_of, too_large
from assay.workloads.forward import loss_of, micro_batches
from assay.workloads.meter import Meter
from assay.workloads.model_files import count_parameters
from assay.workloads.segments import commitment
from assay.workloads.text import (
    Corpus,
    Windows,
    batch_of_step,
    check_tokenizer,
    check_vocabulary,
    learned_in,
    pick_evenly,
    read_corpus,
)
from assay.workloads.updating import add_gradients, update_all
from assay.workloads.workload import Inputs, Progress, SegmentResult

WORSE_THAN_GUESSING = 2.0
"""Times the loss of guessing among all tokens, beyond which a segment's mean says that training has come apart."""

Moments = dict[str, dict[str, Tensor]]


def train_segment(
    params: FinetuneParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
) -> SegmentResult:
    """Return segment `index` trained from `state`, the checkpoint before it; tells its progress after every step."""
    if not 0 <= index < params.steps // params.segment_steps:
        raise BadParams(f"Segment {index} is not in a job of {params.steps // params.segment_steps} segments.")
    try:
        return train_from(params, inputs, state, index, progress)
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        limit_bytes = memory_of(torch.device("cuda")) or 0
        raise too_large(params, count_parameters(inputs.models.path(params.model)), limit_bytes) from error


def train_from(
    params: FinetuneParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
) -> SegmentResult:
    """Return the segment. Raises torch.OutOfMemoryError where a device has no room for it."""
    adapted, corpus = load(params, inputs)
    moments = restore(adapted, state, index * params.segment_steps)
    began = time.perf_counter()
    metrics = train_steps(params, adapted, moments, corpus.train, index, progress)
    trained_s = time.perf_counter() - began
    metrics |= evaluation(params, adapted, corpus)
    began = time.perf_counter()
    closing = collect(adapted, moments, (index + 1) * params.segment_steps)
    state, digest = write_tensors(closing), digest_of(closing)
    metrics |= commitment(params.segment_steps, params.steps, trained_s, time.perf_counter() - began)
    return SegmentResult(state, digest, params.segment_tokens, metrics)


def load(params: FinetuneParams, inputs: Inputs) -> tuple[AdaptedModel, Corpus]:
    """Return the model and the data; both stay in memory for the next segment. Raises what `train_segment` does."""
    adapted = load_adapted(params, inputs.models)
    return adapted, readable_corpus(params, inputs, adapted)


def restore(adapted: AdaptedModel, state: bytes, step: int) -> Moments:
    """Put a checkpoint's weights into the model, and return its moments. Raises BadCheckpoint."""
    tensors = read_checkpoint(state, adapted.shapes)
    check_step(tensors, step)
    adapted.set_adapter(group_of(tensors, ADAPTER))
    return {group: to_torch(group_of(tensors, group), adapted) for group in (FIRST, SECOND)}


def readable_corpus(params: FinetuneParams, inputs: Inputs, adapted: AdaptedModel) -> Corpus:
    """Return the job's data in tokens that the model has. Raises BadData, InputMissing, ModelUnsupported."""
    check_tokenizer(inputs.models.path(params.model), len(adapted.head))
    corpus = read_corpus(params, inputs)
    check_vocabulary(corpus, len(adapted.head))
    return corpus


def train_steps(
    params: FinetuneParams,
    adapted: AdaptedModel,
    moments: Moments,
    windows: Windows,
    index: int,
    progress: Callable[[Progress], None],
) -> dict[str, float]:
    """Train in place for one segment, and return what was measured. Raises Diverged."""
    losses, began, meter = [], time.perf_counter(), Meter(adapted.device)
    measured: dict[str, float] = {}
    for done in range(1, params.segment_steps + 1):
        step = index * params.segment_steps + done - 1
        loss, norm = train_step(params, adapted, moments, batch_of_step(params, windows, step), step)
        losses.append(loss)
        rate = done * params.step_sequences * params.sequence_tokens / (time.perf_counter() - began)
        measured = {"tokens_per_s": rate, **({"gradient_norm": norm} if params.clip_norm else {}), **meter.read()}
        progress(Progress(done, params.segment_steps, {"loss": loss, "step": step + 1, **measured}))
    mean = math.fsum(losses) / len(losses)
    check_sense(mean, len(adapted.head), step)
    return {"loss": mean, "loss_last": losses[-1], **measured}


def check_sense(loss: float, vocabulary: int, step: int) -> None:
    """Raise Diverged for a segment whose mean loss is far above that of guessing among all tokens."""
    guessing = math.log(vocabulary)
    if loss > WORSE_THAN_GUESSING * guessing:
        raise Diverged(f"Up to step {step} the loss was {loss:.1f} in the mean; guessing has {guessing:.1f}.")


def train_step(
    params: FinetuneParams, adapted: AdaptedModel, moments: Moments, windows: Windows, step: int
) -> tuple[float, float]:
    """Return the mean loss on these windows before the update that it led to, and its gradient's norm if it is clipped.

    Raises Diverged.
    """
    batches = micro_batches(params, windows, adapted.device)
    losses = [loss.item() * share for loss, share in add_gradients(params, adapted, batches, learned_in(windows))]
    if not math.isfinite(loss := math.fsum(losses)):
        raise Diverged(f"The loss was not finite at step {step}.")
    return loss, update_all(params, adapted.adapter, moments, step)


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


def evaluation(params: FinetuneParams, adapted: AdaptedModel, corpus: Corpus) -> dict[str, float]:
    """Return the loss on as much of the held-out data as the job asks for, as a metric. Raises Diverged."""
    if not params.evaluate_windows:
        return {}
    loss = loss_on(params, adapted, pick_evenly(corpus.heldout, params.evaluate_windows))
    if not math.isfinite(loss):
        raise Diverged(f"The loss on the held-out data is {loss}.")
    return {"heldout_loss": loss}


def heldout_loss(params: FinetuneParams, inputs: Inputs, result: bytes | None) -> float:
    """Return the mean loss per token (nats) on the held-out data, of the model with a job's result or without one."""
    adapted = load_adapted(params, inputs.models)
    corpus = readable_corpus(params, inputs, adapted)
    apply_result(params, adapted, inputs.models, result)
    return loss_on(params, adapted, corpus.heldout)


def loss_on(params: FinetuneParams, adapted: AdaptedModel, windows: Windows) -> float:
    """Return the mean loss per learned token on these windows."""
    alone = params.model_copy(update={"batch": 1})
    with torch.no_grad():
        batches = list(micro_batches(alone, windows, adapted.device))
        losses = [loss_of(params, adapted, batch).item() * batch.count for batch in batches]
    return math.fsum(losses) / sum(batch.count for batch in batches)
