"""Two data sets that scikit-learn ships, and how members come to hold unlike parts of them (Hsu et al. 2019)."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits

from assay.workloads.federated.examples import Examples

LEAST: Final = 12
"""Examples of the member who has fewest."""


class Task(NamedTuple):
    """A data set, parted into what is learned from and what is held out."""

    learned: Examples
    held_out: Examples

    @property
    def layers(self) -> list[int]:
        """Logistic regression on it."""
        return [self.learned.values.shape[1], int(self.learned.labels.max()) + 1]


def tasks() -> dict[str, Task]:
    """The data sets by name: values between 0 and 1, by ranges that members can agree on without showing any."""
    digits, cancer = load_digits(), load_breast_cancer()
    ranges = cancer.data.max(axis=0)
    return {"digits": parted(digits.data / 16.0, digits.target), "cancer": parted(cancer.data / ranges, cancer.target)}


def parted(values: NDArray[np.float64], labels: NDArray[np.int64]) -> Task:
    """Four fifths to learn from and a fifth held out."""
    order = np.random.default_rng(0).permutation(len(labels))
    mixed, named = values[order].astype(np.float32), labels[order].astype(np.int64)
    cut = len(named) * 4 // 5
    return Task(Examples(mixed[:cut], named[:cut]), Examples(mixed[cut:], named[cut:]))


def uneven(whole: Examples, members: int, alpha: float, seed: int) -> list[Examples]:
    """The parts of so many members: each class is shared out by a Dirichlet draw, so that few have some of all."""
    draw = np.random.default_rng(seed)
    while True:
        owners = np.empty(len(whole.labels), np.int64)
        for label in np.unique(whole.labels):
            here = np.flatnonzero(whole.labels == label)
            owners[here] = draw.choice(members, len(here), p=draw.dirichlet([alpha] * members))
        if np.bincount(owners, minlength=members).min() >= LEAST:
            return [Examples(whole.values[owners == each], whole.labels[owners == each]) for each in range(members)]
