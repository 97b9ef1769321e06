"""A member of a peer's rounds: its steps are those of our own members, so that ways differ in what is sent alone."""

from pathlib import Path

import torch

from assay.workloads import HeldInputs, ignore_progress
from assay.workloads.diloco.codes import Floats
from assay.workloads.diloco.space import joined, open_space
from assay.workloads.diloco.training import load_trained, loss_of, no_moments, read_windows, train_steps
from bench.lowcomm.setting import prepare


class Member:
    """One worker: its model, its shard, and the held-out windows. The folder is made."""

    def __init__(self, folder: Path, worker: int) -> None:
        folder.mkdir()
        self._setting, self._worker = prepare(folder), worker
        params = self._setting.params(worker, inner_steps=1)
        self._trained = load_trained(params, self._setting.store, 1)
        self._space = open_space(params, self._setting.store)
        self.start: Floats = self._space.start
        inputs = HeldInputs(self._setting.store, {params.data: self._setting.shards[worker]})
        self._windows = read_windows(params, inputs, self._trained.model.config.vocab_size)

    def train(self, weights: Floats, number: int, steps: int) -> Floats:
        """The weights after the steps of a round, from those it begins with."""
        params = self._setting.params(self._worker, round=number, inner_steps=steps)
        self._trained.put(self._space.split(weights))
        moments = no_moments(self._trained)
        train_steps(params, self._trained, moments, self._windows, range(steps), ignore_progress)
        return joined(self._trained.take())

    def loss(self, weights: Floats) -> float:
        """The mean loss on the held-out windows."""
        self._trained.put(self._space.split(weights))
        with torch.no_grad():
            return loss_of(self._trained, self._setting.heldout, "native").item()
