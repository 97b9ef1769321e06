"""Regression by a small network as a program of primitives, its data and its weights."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from blake3 import blake3

from assay.proof.court import Op, Place, Source
from assay.workloads.checkpoint import check_layout, read_tensors, write_tensors
from assay.workloads.court.building import Builder, Named
from assay.workloads.court.execution import Array, array_of, run_arrays, tensor_of
from assay.workloads.court.matter import Matter
from assay.workloads.errors import BadCheckpoint, BadData, BadParams, Diverged
from assay.workloads.regress import RegressParams
from assay.workloads.workload import Inputs, Progress

FIRST, SECOND = "first", "second"
X, Y = "x", "y"


def build_start(params: RegressParams) -> bytes:
    """Return the first weights."""
    return write_tensors({name: draw(params.seed, name, shape) for name, shape in shapes_of(params).items()})


def build_matter(params: RegressParams, inputs: Inputs, index: int) -> Matter:
    """Return a segment as the court takes it. Raises BadParams, BadData."""
    if not 0 <= index < params.steps // params.segment_steps:
        raise BadParams(f"Segment {index} is not in this job.")
    builder = Builder()
    closing = build_step(builder, params)
    x, y = read_data(inputs.read(params.data), params)
    data = [batch_of(params, x, y, step) for step in steps_of(params, index)]
    program = builder.program(closing, data_slots=2)
    return Matter(program, builder.constants, data, lambda state: read_state(state, params))


def learn(params: RegressParams, matter: Matter, state: bytes, progress: Callable[[Progress], None]) -> bytes:
    """Return the weights after a segment. Raises BadCheckpoint, Diverged."""
    weights, constants = read_state(state, params), {root: array_of(each) for root, each in matter.constants.items()}
    for step, data in enumerate(matter.data, 1):
        weights = run_arrays(matter.program, weights, data, constants)
        if not all(np.isfinite(each).all() for each in weights):
            raise Diverged(f"Step {step} of the segment left the range of float32.")
        progress(Progress(step, len(matter.data), {}))
    return write_state(weights)


def shapes_of(params: RegressParams) -> dict[str, tuple[int, ...]]:
    """Return the weights' shapes."""
    return {FIRST: (params.hidden, params.features), SECOND: (params.outputs, params.hidden)}


def build_step(builder: Builder, params: RegressParams) -> tuple[Named, Named]:
    """The weights after one step: forward, the error's way back, and down the gradient."""
    b, f, h, o = params.batch, params.features, params.hidden, params.outputs
    first, second = Named(Source(Place.STATE, 0), h, f), Named(Source(Place.STATE, 1), o, h)
    x, y = Named(Source(Place.DATA, 0), b, f), Named(Source(Place.DATA, 1), b, o)
    rate = builder.constant(tensor_of(np.full((1, 1), params.learning_rate / b, np.float32)))
    zero = builder.constant(tensor_of(np.zeros((1, 1), np.float32)))
    sums = builder.product(x, first)
    active = builder.where_positive(sums, sums, zero)
    error = builder.each(Op.SUB, builder.product(active, second), y)
    pull = builder.each(Op.MUL, error, rate)
    back = builder.product(pull, builder.transposed(second))
    bent = builder.where_positive(sums, back, zero)
    for_second = builder.product(builder.transposed(pull), builder.transposed(active))
    for_first = builder.product(builder.transposed(bent), builder.transposed(x))
    return builder.each(Op.SUB, first, for_first), builder.each(Op.SUB, second, for_second)


def steps_of(params: RegressParams, index: int) -> range:
    """The steps of a segment."""
    return range(index * params.segment_steps, (index + 1) * params.segment_steps)


def batch_of(params: RegressParams, x: Array, y: Array, step: int) -> tuple[Array, ...]:
    """The rows that a step learns from: one after the other, from the first again after the last."""
    rows = np.arange(step * params.batch, (step + 1) * params.batch) % len(x)
    return np.ascontiguousarray(x[rows]), np.ascontiguousarray(y[rows])


def read_data(data: bytes, params: RegressParams) -> tuple[Array, Array]:
    """Return the data's inputs and targets. Raises BadData."""
    try:
        tensors = read_tensors(data)
        rows = len(tensors.get(X, ()))
        check_layout(tensors, {X: (rows, params.features), Y: (rows, params.outputs)})
    except (BadCheckpoint, TypeError) as error:
        raise BadData(f"The data does not fit: {error}") from None
    if not rows:
        raise BadData("The data has no rows.")
    return tensors[X], tensors[Y]


def read_state(state: bytes, params: RegressParams) -> tuple[Array, ...]:
    """Return the weights. Raises BadCheckpoint."""
    tensors = read_tensors(state)
    check_layout(tensors, shapes_of(params))
    return tensors[FIRST], tensors[SECOND]


def write_state(weights: tuple[Array, ...]) -> bytes:
    """Return the checkpoint that holds these weights."""
    return write_tensors(dict(zip((FIRST, SECOND), weights, strict=True)))


def draw(seed: int, name: str, shape: tuple[int, ...]) -> Array:
    """Return weights between -s and s, s being a power of two near one over the root of the inputs' number."""
    content = blake3(f"assay.regress.1/{seed}/{name}".encode()).digest(4 * math.prod(shape))
    even: Any = (np.frombuffer(content, "<i4") >> 8).astype(np.float32)
    scale = np.float32(2.0 ** (-23 - (shape[1] - 1).bit_length() // 2))
    drawn: Array = (even * scale).reshape(shape)
    return drawn
