"""A segment of fine-tuning as the court takes it: the program of its steps, each step's data, how a state is read."""

from typing import Final

import numpy as np
import torch

from assay.workloads.checkpoint import STEP, Shapes, read_checkpoint
from assay.workloads.court.derivation import derive, slots_of
from assay.workloads.court.execution import Array
from assay.workloads.court.matter import Matter
from assay.workloads.errors import BadParams, NotJudged
from assay.workloads.finetune import FinetuneParams
from assay.workloads.forward import micro_batches
from assay.workloads.numerics.optimiser import DEPENDENT
from assay.workloads.text import Windows, batch_of_step, check_vocabulary, corpus_of
from assay.workloads.updating import factors_of
from assay.workloads.workload import Inputs

DATA_BYTES_MAX: Final = 4 << 20
"""The tokens of a longer text would take a service that keeps many disputes a gigabyte."""


def build_matter(params: FinetuneParams, inputs: Inputs, index: int) -> Matter:
    """Return a segment as the court takes it. Raises NotJudged, BadParams, BadData and what loading a model raises."""
    if not 0 <= index < params.steps // params.segment_steps:
        raise BadParams(f"Segment {index} is not in this job.")
    data = inputs.read(params.data)
    if len(data) > DATA_BYTES_MAX:
        raise NotJudged(f"A text of {len(data)} bytes is more than clerk and parties read into tokens.")
    derived = derive(params, inputs.models)
    corpus = corpus_of(params, inputs, data)
    check_vocabulary(corpus, derived.vocabulary)
    steps = range(index * params.segment_steps, (index + 1) * params.segment_steps)
    slots = [data_of(params, corpus.train, step) for step in steps]
    return Matter(derived.program, derived.constants, slots, lambda state: read_state(state, derived.shapes))


def data_of(params: FinetuneParams, windows: Windows, step: int) -> tuple[Array, ...]:
    """Return a step's data in the order of their slots."""
    device = torch.device("cpu")
    batches = micro_batches(params, batch_of_step(params, windows, step), device)
    tokens = [slot.numpy().astype("<i4") for slot in slots_of(list(batches))]
    factors = factors_of(params, step)
    own = [np.full((1, 1), factors[number], "<f4") for number in DEPENDENT]
    return (*(np.ascontiguousarray(each.reshape(-1, each.shape[-1])) for each in tokens), *own)


def read_state(state: bytes, shapes: Shapes) -> tuple[Array, ...]:
    """Return what a checkpoint holds, by rows, in the order of names. Raises BadCheckpoint."""
    tensors = read_checkpoint(state, shapes)
    step = tensors.pop(STEP).view("<i4").reshape(1, 2)
    return (*(each.reshape(-1, each.shape[-1]) for each in tensors.values()), step)
