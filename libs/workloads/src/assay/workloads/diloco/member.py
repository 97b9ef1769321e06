"""One segment of a member's round: from the outer state or the checkpoint before to the next one or the result."""

from collections.abc import Callable

import numpy as np
import torch

from assay.workloads.checkpoint import ADAPTER, FIRST, SECOND, STEP, Tensors, check_step, read_checkpoint, write_tensors
from assay.workloads.diloco import states
from assay.workloads.diloco.codes import Floats
from assay.workloads.diloco.course import Outer, open_course
from assay.workloads.diloco.feedback import press_with
from assay.workloads.diloco.packing import pack
from assay.workloads.diloco.params import MemberParams
from assay.workloads.diloco.space import Space, check_names, joined
from assay.workloads.diloco.training import Trained, collect, load_trained, no_moments, read_windows, train_steps
from assay.workloads.errors import BadCheckpoint, BadData, BadParams
from assay.workloads.fitting import room_for
from assay.workloads.workload import Inputs, Progress, SegmentResult


def train_segment(
    params: MemberParams, inputs: Inputs, state: bytes, index: int, tell: Callable[[Progress], None]
) -> SegmentResult:
    """Return segment `index` of a round, trained from the checkpoint before it."""
    if not 0 <= index < params.segment_count:
        raise BadParams(f"Segment {index} is not in a round of {params.segment_count} segments.")
    form, instead = ("lora", "") if params.lora_rank else ("round", "an adapter would fit (lora_rank=8); ")
    folder, tokens = inputs.models.path(params.model), params.batch * params.sequence_tokens
    with room_for(form, folder, tokens, instead=instead):
        return run_steps(params, inputs, state, index, tell)


def run_steps(
    params: MemberParams, inputs: Inputs, state: bytes, index: int, tell: Callable[[Progress], None]
) -> SegmentResult:
    """Return the segment, in memory that is large enough."""
    space, outer = open_course(params, inputs)
    trained = load_trained(params, inputs.models, params.threads)
    check_names(space, trained)
    steps = range(index * params.steps_each, (index + 1) * params.steps_each)
    moments = take_up(params, state, space, outer, trained, steps.start)
    windows = read_windows(params, inputs, trained.model.config.vocab_size)
    metrics = train_steps(params, trained, moments, windows, steps, tell)
    if index + 1 < params.segment_count:
        closing = write_tensors(collect(trained.take(), moments, steps.stop))
    else:
        closing = close(params, inputs, joined(trained.take()) - outer.weights)
    units = params.steps_each * params.batch * params.sequence_tokens
    return SegmentResult(closing, states.digest(closing), units, metrics)


def start_of(params: MemberParams, inputs: Inputs) -> bytes:
    """Return the state before the first segment: nothing besides what the parameters name.

    Of a round that is cut it is the weights that it starts from, so that it can be told how far the first segment came:
    without that, honest machines that round differently would be as far apart as any cheat.
    """
    if params.segment_count == 1:
        return states.BEGIN
    space, outer = open_course(params, inputs)
    tensors: Tensors = {STEP: np.array([0], "<i8")}
    for name, weights in space.split(outer.weights).items():
        tensors |= {
            ADAPTER + name: weights,
            FIRST + name: np.zeros_like(weights),
            SECOND + name: np.zeros_like(weights),
        }
    return write_tensors(dict(sorted(tensors.items())))


def take_up(
    params: MemberParams, state: bytes, space: Space, outer: Outer, trained: Trained, done: int
) -> dict[str, dict[str, torch.Tensor]]:
    """Return the moments before a segment, with the weights put into the model. Raises BadCheckpoint."""
    if params.segment_count == 1:
        if state != states.BEGIN:
            raise BadCheckpoint("A round begins from nothing but what its parameters name.")
        trained.put(space.split(outer.weights))
        return no_moments(trained)
    tensors = read_checkpoint(state, space.shapes)
    check_step(tensors, done)
    trained.put(group(tensors, ADAPTER))
    return {
        kind: {name: torch.tensor(each, device=trained.device) for name, each in group(tensors, kind).items()}
        for kind in (FIRST, SECOND)
    }


def group(tensors: Tensors, prefix: str) -> Tensors:
    """Return one group of a checkpoint by the names of the space."""
    return {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}


def close(params: MemberParams, inputs: Inputs, way: Floats) -> bytes:
    """Return the last state: how far the weights came, in the code that the job asks for. Raises BadData, Diverged."""
    if not params.feedback:
        return pack(way, params.compress, params.keep)
    packed, carried = press_with(way, read_carried(params, inputs, len(way)), params.compress, params.keep)
    return states.keep(packed, carried)


def read_carried(params: MemberParams, inputs: Inputs, size: int) -> Floats | None:
    """Return what the member's round before carried on. Raises BadData."""
    if params.carried is None:
        return None
    try:
        _, carried = states.parted(inputs.read(params.carried))
    except BadCheckpoint as error:
        raise BadData(f"What is carried cannot be read: {error.detail}") from None
    if carried is None or len(carried) != size:
        raise BadData(f"What is carried is not of the {size} weights.")
    return np.asarray(carried)
