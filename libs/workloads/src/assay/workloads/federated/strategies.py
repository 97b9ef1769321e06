"""How the weights move by what members' updates come to: averaging (FedAvg), or Adam on the server's side (FedAdam).

The rules that put single updates together are those of `diloco.robust`; after a secure sum there is but the mean.
FedAdam is that of Reddi et al. 2021 (Adaptive federated optimization), without correction of bias.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from assay.workloads.diloco.robust import aggregate
from assay.workloads.errors import BadData, Diverged
from assay.workloads.federated.numbers import Floats, Ints, Tally, to_floats
from assay.workloads.federated.params import StepParams


@dataclass(frozen=True)
class Global:
    """Where a federation stands: its weights, and what the server's optimizer remembers."""

    weights: Floats
    first: Floats
    second: Floats


def begin(weights: Floats) -> Global:
    """Return the state before the first turn."""
    return Global(weights, np.zeros_like(weights), np.zeros_like(weights))


def mean_way(params: StepParams, total: Ints) -> tuple[Floats, Tally]:
    """Return the weighted mean of a sum of updates. Raises BadData if they weigh nothing."""
    way, tally = to_floats(params, total)
    if tally.weight <= 0:
        raise BadData("The updates weigh nothing together.")
    return (way / tally.weight).astype(np.float32), tally


def robust_way(params: StepParams, updates: Sequence[Ints], total: Ints) -> tuple[Floats, Tally]:
    """Return what single updates come to by the rule, whatever weight each claims for itself. Raises BadData."""
    ways = [mean_way(params, each)[0] for each in updates]
    return aggregate(ways, params.rule, params.hostile), mean_way(params, total)[1]


def average(params: StepParams, state: Global, way: Floats) -> Global:
    """Return the state moved by the way."""
    return Global(state.weights + np.float32(params.server_rate) * way, state.first, state.second)


def adam(params: StepParams, state: Global, way: Floats) -> Global:
    """Return the state moved by the way in units of its size so far."""
    keep, spread = (np.float32(beta) for beta in params.betas)
    one = np.float32(1)
    first = keep * state.first + (one - keep) * way
    second = spread * state.second + (one - spread) * (way * way)
    step = np.float32(params.server_rate) * first / (np.sqrt(second) + np.float32(params.adaptivity))
    return Global(state.weights + step, first, second)


SERVERS: Final[Mapping[str, Callable[[StepParams, Global, Floats], Global]]] = {"average": average, "adam": adam}


def move(params: StepParams, state: Global, way: Floats) -> Global:
    """Return the state after a turn. Raises Diverged."""
    after = SERVERS[params.server](params, state, way)
    if not all(np.isfinite(each).all() for each in (after.weights, after.first, after.second)):
        raise Diverged("A weight of the federation's model is not finite.")
    return after
