"""The trace of a fine-tuning segment: the graph of its steps, and both sides of the check.

Of a LoRA adapter on a text, a step of one batch whose gradient is not clipped: other forms are refused.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from assay.proof.policy import is_traced
from assay.workloads.base_model import NOT_THE_MODEL, AdaptedModel, checkpoint_name, load_adapted
from assay.workloads.checkpoint import ADAPTER, STEP, Tensors, check_step, digest_of, read_checkpoint
from assay.workloads.checkpoint import FIRST as FIRST_MOMENT
from assay.workloads.checkpoint import SECOND as SECOND_MOMENT
from assay.workloads.errors import BadParams, NotTraced
from assay.workloads.finetune import FinetuneParams
from assay.workloads.llama import AttentionInterface, sdpa_attention_forward
from assay.workloads.loss import next_token_loss
from assay.workloads.models import ModelStore
from assay.workloads.text import batch_of_step, check_vocabulary, read_corpus
from assay.workloads.trace.capture import BATCH, FIRST, SECOND, WEIGHT, capture_step
from assay.workloads.trace.check import TraceSpec
from assay.workloads.trace.optimiser import scalars_of
from assay.workloads.trace.plan import Plan
from assay.workloads.trace.recording import Recorded, record_trace
from assay.workloads.updating import learning_rate
from assay.workloads.workload import Inputs

MODEL = "model."
GROUPS = {WEIGHT: ADAPTER, FIRST: FIRST_MOMENT, SECOND: SECOND_MOMENT}
# Without a kind of mask the model leaves it out and the kernel's own causal mask is used, as in training.
UNMASKED = "assay_unmasked"
AttentionInterface.register(UNMASKED, sdpa_attention_forward)


class StepLoss(nn.Module):
    """The loss of a batch of windows, as in training."""

    def __init__(self, adapted: AdaptedModel, dtype: str = "float32") -> None:
        super().__init__()
        self.model, self.device_type, self.is_half = adapted.model, adapted.device.type, dtype == "bfloat16"

    def forward(self, windows: Tensor) -> Tensor:
        """Return the mean loss of windows (rows, L + 1)."""
        with torch.autocast(self.device_type, torch.bfloat16, enabled=self.is_half):
            hidden = self.model.model(input_ids=windows[:, :-1], use_cache=False).last_hidden_state
        return next_token_loss(hidden.float(), self.model.lm_head.weight, windows)


def trace_segment(params: FinetuneParams, inputs: Inputs, state: bytes, index: int, path: Path) -> Recorded:
    """Write the opening of segment `index` from the checkpoint before it, and return its root.

    Raises what running the segment raises.
    """
    adapted, plan, steps = prepare(params, inputs, index)
    tensors = state_tensors(params, read_checkpoint(state, adapted.shapes), index)
    return record_trace(plan, fixed_inputs(adapted), tensors, steps, path)


def trace_spec(
    params: FinetuneParams, inputs: Inputs, state: bytes, index: int, root: str, state_out: str
) -> TraceSpec:
    """Return what the opening of segment `index` is held against.

    `state` is the checkpoint before it, of the committed digest; `root` and `state_out` are what was committed.
    """
    adapted, plan, steps = prepare(params, inputs, index)
    tensors = state_tensors(params, read_checkpoint(state, adapted.shapes), index)
    ends_at = (index + 1) * params.segment_steps

    def digest(ended: Mapping[str, Tensor]) -> str:
        return digest_of(checkpoint_of(ended, ends_at))

    return TraceSpec(plan, fixed_inputs(adapted), tensors, steps, root, state_out, digest)


def prepare(
    params: FinetuneParams, inputs: Inputs, index: int
) -> tuple[AdaptedModel, Plan, tuple[dict[str, Any], ...]]:
    """Return the model, the plan of one step and what each step of the segment is given. Raises NotTraced."""
    check_traced(params)
    if not 0 <= index < params.steps // params.segment_steps:
        raise BadParams(f"Segment {index} is not in a job of {params.steps // params.segment_steps} segments.")
    # Planning loads a model of its own, on one thread; the step must round as in training, so its model is loaded last.
    plan = plan_of(params.model_copy(update=NOT_THE_STEP), inputs.models.root)
    adapted, corpus = load_adapted(params, inputs.models), read_corpus(params, inputs)
    check_vocabulary(corpus, len(adapted.head))
    numbers = range(index * params.segment_steps, (index + 1) * params.segment_steps)
    steps = tuple(step_inputs(params, corpus.train, number, adapted.device) for number in numbers)
    return adapted, plan, steps


# Parameters that do not change a step's graph.
STEP_SHAPE = ("batch", "sequence_tokens", "dtype")
NOT_THE_STEP = {name: value for name, value in NOT_THE_MODEL.items() if name not in STEP_SHAPE}


def check_traced(params: FinetuneParams) -> None:
    """Raise NotTraced for a form of job whose steps have no trace."""
    if not is_traced(params.model_dump()):
        raise NotTraced("A trace is of a LoRA adapter on a text, without accumulation, clipping or exact numerics.")


@lru_cache(maxsize=2)
def plan_of(params: FinetuneParams, models: Path) -> Plan:
    """Return the plan of the job's step; only the last two are kept. Raises UnknownOperator."""
    adapted = load_adapted(params, ModelStore(models))
    batch = torch.zeros(params.batch, params.sequence_tokens + 1, dtype=torch.long, device=adapted.device)
    settings = adapted.model.config
    attention, settings._attn_implementation = settings._attn_implementation, UNMASKED
    try:
        return Plan(capture_step(StepLoss(adapted, params.dtype), batch))
    finally:
        settings._attn_implementation = attention


def step_inputs(params: FinetuneParams, windows: Any, number: int, device: torch.device) -> dict[str, Any]:
    """Return the batch and the scalars of step `number`."""
    batch = torch.tensor(batch_of_step(params, windows, number), device=device)
    return {BATCH: batch, **scalars_of(learning_rate(params, number), params.weight_decay, number)}


def fixed_inputs(adapted: AdaptedModel) -> dict[str, Tensor]:
    """Return the frozen tensors of the model by their names in the graph."""
    step = StepLoss(adapted)
    named = {**dict(step.named_parameters()), **dict(step.named_buffers())}
    return {name: tensor.detach() for name, tensor in named.items() if not tensor.requires_grad}


def state_tensors(params: FinetuneParams, tensors: Tensors, index: int) -> dict[str, Tensor]:
    """Return a checkpoint's tensors by their names in the graph. Raises BadCheckpoint for another step's."""
    check_step(tensors, index * params.segment_steps)
    return {name: torch.tensor(values) for name, values in ((graph_name(n), v) for n, v in tensors.items()) if name}


def graph_name(name: str) -> str:
    """Return a checkpoint tensor's name in the graph; empty for the step."""
    for group, prefix in GROUPS.items():
        if name.startswith(prefix):
            inner = name.removeprefix(prefix).removeprefix("base_model.model.")
            return group + MODEL + inner.removesuffix(".weight") + ".default.weight"
    return ""


def checkpoint_of(state: Mapping[str, Tensor], step: int) -> Tensors:
    """Return a state of the graph as a checkpoint's tensors after so many steps."""
    tensors: Tensors = {STEP: np.array([step], "<i8")}
    for name, tensor in state.items():
        group = next(group for group in GROUPS if name.startswith(group))
        inner = checkpoint_name(name.removeprefix(group).removeprefix(MODEL))
        tensors[GROUPS[group] + inner] = np.ascontiguousarray(tensor.detach().cpu().numpy())
    return dict(sorted(tensors.items()))
