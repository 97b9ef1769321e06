"""The model: a perceptron with rectified hidden layers and a softmax, as one flat vector of weights. Pure numpy.

With no hidden layer it is logistic regression. A member's machine needs no torch for it, and the gradient of each
single example, which privacy of records takes, is an outer product.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]
Labels = NDArray[np.int64]


def begin(layers: Sequence[int], seed: int) -> Floats:
    """Return the weights before the first step: zeros for logistic regression, else drawn (He et al. 2015)."""
    draw = np.random.default_rng(seed)
    parts = []
    for number, (narrow, wide) in enumerate(pairwise(layers)):
        spread = 0.0 if len(layers) == 2 or number == len(layers) - 2 else math.sqrt(2.0 / narrow)
        parts += [draw.uniform(-1.0, 1.0, narrow * wide) * (spread * math.sqrt(3.0)), np.zeros(wide)]
    return np.concatenate(parts).astype(np.float32)


def cut(layers: Sequence[int], weights: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Yield each layer's matrix (in × out) and its offsets."""
    at = 0
    for narrow, wide in pairwise(layers):
        yield weights[at : at + narrow * wide].reshape(narrow, wide), weights[at + narrow * wide :][:wide]
        at += wide * (narrow + 1)


def forward(layers: Sequence[int], weights: Floats, values: Floats) -> list[Floats]:
    """Return what goes into each layer, and the logits last."""
    held = [values]
    last = len(layers) - 2
    for number, (matrix, offset) in enumerate(cut(layers, weights)):
        out = held[-1] @ matrix + offset
        held.append(out if number == last else np.maximum(out, 0.0))
    return held


def chances(logits: Floats) -> Floats:
    """Return the probability of each class."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares


def measure(layers: Sequence[int], weights: Floats, values: Floats, labels: Labels) -> tuple[float, float]:
    """Return the mean loss, and the share of right answers."""
    logits = forward(layers, weights, values)[-1]
    right = chances(logits)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(right, 1e-12)).mean()), float((logits.argmax(axis=1) == labels).mean())


def gradients(layers: Sequence[int], weights: Floats, values: Floats, labels: Labels) -> Floats:
    """Return the gradient of each example's loss, a row for each."""
    held = forward(layers, weights, values)
    error = chances(held[-1])
    error[np.arange(len(labels)), labels] -= 1.0
    parts: list[Floats] = []
    for number, (matrix, _) in reversed(list(enumerate(cut(layers, weights)))):
        parts[:0] = [np.einsum("ni,no->nio", held[number], error).reshape(len(labels), -1), error]
        if number:
            error = (error @ matrix.T) * (held[number] > 0)
    return np.concatenate(parts, axis=1)


def gradient(layers: Sequence[int], weights: Floats, values: Floats, labels: Labels) -> Floats:
    """Return the gradient of the mean loss."""
    held = forward(layers, weights, values)
    error = chances(held[-1])
    error[np.arange(len(labels)), labels] -= 1.0
    error /= len(labels)
    parts: list[Floats] = []
    for number, (matrix, _) in reversed(list(enumerate(cut(layers, weights)))):
        parts[:0] = [(held[number].T @ error).reshape(-1), error.sum(axis=0)]
        if number:
            error = (error @ matrix.T) * (held[number] > 0)
    return np.concatenate(parts)
