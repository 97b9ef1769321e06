"""A data set's examples: what a member trains on, read from its vault as data and never unpickled."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from assay.workloads.errors import BadData
from assay.workloads.federated.params import ModelParams


@dataclass(frozen=True)
class Examples:
    """Examples × values, and a class for each."""

    values: NDArray[np.float32]
    labels: NDArray[np.int64]

    def check(self, params: ModelParams) -> None:
        """Raise BadData unless they fit the model."""
        inside, classes = params.layers[0], params.layers[-1]
        if self.values.shape[1] != inside:
            raise BadData(f"An example has {self.values.shape[1]} values, the model takes {inside}.")
        if self.labels.min() < 0 or self.labels.max() >= classes:
            raise BadData(f"A class is {self.labels.max()}, the model knows {classes}.")


def read(content: bytes) -> Examples:
    """Return the examples in a file of arrays `x` and `y`. Raises BadData."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as held:
            return checked(held["x"], held["y"])
    except (OSError, ValueError, TypeError, KeyError, BadZipFile) as error:
        raise BadData(f"The data set cannot be read: {error}.") from None


def read_csv(path: Path) -> Examples:
    """Return the examples in a file of comma-separated numbers, the last of each line its class. Raises BadData."""
    try:
        with path.open(newline="") as file:
            rows = np.array([[float(value) for value in row] for row in csv.reader(file) if row])
        return checked(rows[:, :-1], rows[:, -1])
    except (OSError, ValueError, IndexError) as error:
        raise BadData(f"{path} holds no lines of as many numbers each, a class last: {error}.") from None


def checked(values: NDArray[np.generic], labels: NDArray[np.generic]) -> Examples:
    """Return the examples. Raises BadData unless there are some, finite, with a class each."""
    x, y = values.astype(np.float32), labels.astype(np.int64)
    if x.ndim != 2 or y.shape != x.shape[:1] or not len(y) or not np.isfinite(x).all() or (y != labels).any():
        raise BadData("A data set is examples × finite values, and a whole number for the class of each.")
    return Examples(x, y)


def write(examples: Examples) -> bytes:
    """Return the examples as a vault holds them."""
    held = io.BytesIO()
    np.savez_compressed(held, x=examples.values, y=examples.labels)
    return held.getvalue()
