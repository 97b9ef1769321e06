"""The outer state: weights and momentum, made from the results that counted since the beginning or the last keyframe.

Each round is one step of SGD with Nesterov's momentum against the mean way of the members, as DiLoCo has it. All of it
is elementwise float32 in a fixed order, so whoever makes it has the same bits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from assay.proof.digest import state_digest
from assay.workloads.checkpoint import check_layout, read_tensors, write_tensors
from assay.workloads.diloco.codes import Floats
from assay.workloads.diloco.packing import unpack
from assay.workloads.diloco.params import CourseParams
from assay.workloads.diloco.robust import joining, starts
from assay.workloads.diloco.space import Space, open_space
from assay.workloads.diloco.states import parted
from assay.workloads.diloco.sums import PIECE
from assay.workloads.errors import BadCheckpoint, BadData, Diverged
from assay.workloads.workload import Inputs

WEIGHTS, MOMENTUM = "weights", "momentum"
REASON_MAX: Final = 200


@dataclass(frozen=True)
class Outer:
    """Where a course stands."""

    weights: Floats
    momentum: Floats

    @property
    def digest(self) -> str:
        """The Merkle root over both."""
        named = {MOMENTUM: self.momentum, WEIGHTS: self.weights}
        return state_digest((name, "F32", each.shape, each.data) for name, each in named.items())


def open_course(params: CourseParams, inputs: Inputs) -> tuple[Space, Outer]:
    """Return the space and the outer state after the past. Raises BadData, BadParams, InputMissing, ModelMissing."""
    space = open_space(params, inputs.models)
    size = len(space.start)
    outer = read_keyframe(inputs.read(params.keyframe), size) if params.keyframe else begin(space.start)
    for digests in params.history:
        read, _ = read_results(digests, inputs, size)
        outer = step(params, outer, list(read.values()))
    return space, outer


def begin(start: Floats) -> Outer:
    """Return the state before the first round."""
    return Outer(start, np.zeros_like(start))


def step(params: CourseParams, outer: Outer, results: list[Floats]) -> Outer:
    """Return the state after a round; a round without results changes nothing. Raises Diverged."""
    if not results:
        return outer
    part = joining(results, params.rule, params.hostile, params.clip)
    rate, keep = np.float32(params.outer_rate), np.float32(params.momentum)
    after = Outer(np.empty_like(outer.weights), np.empty_like(outer.momentum))
    for at in starts(results):
        way, piece = part(at), slice(at, at + PIECE)
        momentum = after.momentum[piece] = keep * outer.momentum[piece] + way
        weights = after.weights[piece] = outer.weights[piece] + rate * (way + keep * momentum)
        if not (np.isfinite(weights).all() and np.isfinite(momentum).all()):
            raise Diverged("A weight of the outer state is not finite.")
    return after


def read_results(digests: Iterable[str], inputs: Inputs, size: int) -> tuple[Mapping[str, Floats], Mapping[str, str]]:
    """Return the results that can be read, and of each other one why not: it is left out, whoever made it."""
    read, refused = {}, {}
    for digest in digests:
        try:
            read[digest] = unpack(parted(inputs.read(digest))[0], size)
        except BadCheckpoint as error:
            refused[digest] = error.detail[:REASON_MAX]
    return read, refused


def read_keyframe(data: bytes, size: int) -> Outer:
    """Return the state that a keyframe holds. Raises BadData."""
    try:
        tensors = read_tensors(data)
        check_layout(tensors, {MOMENTUM: (size,), WEIGHTS: (size,)})
    except BadCheckpoint as error:
        raise BadData(f"The keyframe does not fit: {error.detail}") from None
    return Outer(tensors[WEIGHTS], tensors[MOMENTUM])


def write_keyframe(outer: Outer) -> bytes:
    """Return the keyframe that holds this state."""
    return write_tensors({MOMENTUM: outer.momentum, WEIGHTS: outer.weights})
