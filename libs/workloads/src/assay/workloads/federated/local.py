"""What a member does with its own examples: plain steps (FedAvg), held near the start (FedProx), or private ones.

A private step draws each example by itself with the same chance, bounds its gradient, and adds noise to their sum
(Abadi et al. 2016). Draws and noise follow from a secret of the holder: nobody else may know who was drawn, and the
same job done again gives the same update, so its privacy is spent once.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from assay.workloads.errors import Diverged
from assay.workloads.federated import perceptron, secrets
from assay.workloads.federated.accountant import Spent
from assay.workloads.federated.examples import Examples
from assay.workloads.federated.params import MemberParams
from assay.workloads.federated.perceptron import Floats
from assay.workloads.workload import Progress

Tell = Callable[[Progress], None]


def spent_by(params: MemberParams, examples: int) -> Spent | None:
    """Return the mechanism that an update uses."""
    if params.privacy is None:
        return None
    if params.privacy.unit == "member":
        return Spent(1.0, params.privacy.noise, 1)
    return Spent(min(1.0, params.batch / examples), params.privacy.noise, params.steps)


def train(params: MemberParams, start: Floats, data: Examples, secret: bytes, tell: Tell) -> Floats:
    """Return how far the weights have gone after the job's steps. Raises Diverged."""
    is_private = params.privacy is not None and params.privacy.unit == "record"
    way_of = private_gradient if is_private else plain_gradient
    weights = start.astype(np.float64)
    for step in range(params.steps):
        slope = way_of(params, weights, data, secrets.derive(secret, "step", step))
        weights = weights - params.learning_rate * (slope + params.prox * (weights - start))
        if not np.isfinite(weights).all():
            raise Diverged(f"A weight was not finite after step {step}.")
        tell(Progress(step + 1, params.steps, {}))
    return weights - start


def plain_gradient(params: MemberParams, weights: Floats, data: Examples, secret: bytes) -> Floats:
    """Return the mean gradient of a batch that is drawn."""
    count = len(data.labels)
    order = np.random.default_rng(int.from_bytes(secret, "big")).permutation(count)[: min(params.batch, count)]
    return perceptron.gradient(params.layers, weights, data.values[order], data.labels[order])


def private_gradient(params: MemberParams, weights: Floats, data: Examples, secret: bytes) -> Floats:
    """Return the noisy sum of bounded gradients of the examples that are drawn, by the number that is expected."""
    assert params.privacy is not None
    privacy, count = params.privacy, len(data.labels)
    drawn = uniform(secrets.derive(secret, "drawn"), count) < min(1.0, params.batch / count)
    total = np.zeros(len(weights))
    if drawn.any():
        rows = perceptron.gradients(params.layers, weights, data.values[drawn], data.labels[drawn])
        lengths = np.sqrt((rows * rows).sum(axis=1))
        total = (rows * np.minimum(1.0, privacy.clip / np.maximum(lengths, 1e-12))[:, None]).sum(axis=0)
    noise = gaussian(secrets.derive(secret, "noise"), len(weights)) * (privacy.noise * privacy.clip)
    return (total + noise) / min(params.batch, count)


def uniform(key: bytes, size: int) -> NDArray[np.float64]:
    """Return numbers of 53 bits between 0 and 1, 1 left out, that nobody foresees who lacks the key."""
    raw = np.frombuffer(secrets.stretch(key, 8 * size), "<u8")
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53


def gaussian(key: bytes, size: int) -> NDArray[np.float64]:
    """Return normal noise of deviation 1 that nobody foresees who lacks the key (Box and Muller 1958)."""
    pairs = (size + 1) // 2
    drawn = uniform(key, 2 * pairs).reshape(2, pairs)
    length, angle = np.sqrt(-2.0 * np.log1p(-drawn[0])), 2.0 * math.pi * drawn[1]
    return np.concatenate([length * np.cos(angle), length * np.sin(angle)])[:size]
