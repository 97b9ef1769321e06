"""Updates as integers modulo 2^32, so that masks cancel to the last bit and a sum is the same wherever it is made.

A member's update times its weight, in steps so fine that the sum of all members' largest ones, noise included, stays
within half of the range. Behind the weights stand three numbers of the member's own: its weight, and its loss and share
of right answers under the model that it was given, each times the weight.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assay.workloads.federated.params import MEMBERS_MAX, ModelParams

TALLIES: Final = 3
TALLY_SCALE: Final = (1 << 31) // (MEMBERS_MAX + 1) - 1
LOSS_MAX: Final = 16.0
TAIL: Final = 10.0
"""Standard deviations of noise that a sum has room for."""
NOISE_LEAST: Final = 64.0
"""Steps that the noise of one member comes to at least: it is rounded, and the sum of rounded noise is as good as noise
only where the steps are small beside it."""

Ints = NDArray[np.uint32]
Floats = NDArray[Any]


@dataclass(frozen=True)
class Tally:
    """What a turn's members come to beside their weights."""

    weight: float
    loss: float
    right: float


def size_of(params: ModelParams) -> int:
    """Return how many integers an update has."""
    return params.weights + TALLIES


def noise_of(params: ModelParams) -> float:
    """Return the standard deviation of the noise that one member adds to its update, in units of a weight.

    The parts of a quorum add up to the noise that was asked for; whoever comes besides makes it larger.
    """
    privacy = params.privacy
    if privacy is None or privacy.unit != "member":
        return 0.0
    return privacy.noise * params.clip / math.sqrt(params.quorum)


def scale_of(params: ModelParams) -> float:
    """Return the steps in one unit of a weight: a power of two."""
    most = MEMBERS_MAX * params.clip + TAIL * noise_of(params) * math.sqrt(MEMBERS_MAX)
    return 2.0 ** math.floor(math.log2(((1 << 31) - MEMBERS_MAX) / most))


def weight_of(params: ModelParams, examples: int) -> float:
    """Return a member's weight, at most 1."""
    return min(examples, params.examples_max) / params.examples_max if params.weighting == "examples" else 1.0


def bounded(way: Floats, clip: float) -> Floats:
    """Return the way, no longer than `clip`."""
    length = float(np.linalg.norm(way))
    return way if length <= clip else way * (clip / length)


def to_ints(params: ModelParams, way: Floats, tally: Tally, noise: Floats | None = None) -> Ints:
    """Return an update as integers; `noise` has the standard deviation `noise_of`."""
    steps = np.rint(bounded(way.astype(np.float64), params.clip) * tally.weight * scale_of(params))
    steps = steps if noise is None else np.rint(steps + noise * scale_of(params))
    said = np.array([1.0, min(max(tally.loss, 0.0), LOSS_MAX) / LOSS_MAX, tally.right]) * tally.weight
    whole = np.concatenate([steps, np.rint(said * TALLY_SCALE)])
    return whole.astype(np.int64).astype(np.uint32)


def to_floats(params: ModelParams, whole: Ints) -> tuple[Floats, Tally]:
    """Return the weighted sum in float64, and the tally, of one update or of a sum of several."""
    signed = whole.view(np.int32).astype(np.float64)
    weight, loss, right = (signed[-TALLIES:] / TALLY_SCALE).tolist()
    share = weight or math.inf
    return signed[:-TALLIES] / scale_of(params), Tally(weight, loss * LOSS_MAX / share, right / share)


def length_of(params: ModelParams, whole: Ints) -> float:
    """Return how long the weighted update in these integers is."""
    return float(np.linalg.norm(to_floats(params, whole)[0]))
