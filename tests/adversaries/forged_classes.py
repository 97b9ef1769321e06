"""Providers that state a class of machine that nobody has, so that no answer is of it and bits are never asked."""

from dataclasses import replace
from typing import Any, ClassVar, Final

import numpy as np
from tests.adversaries.hostile import TampersTensors, each, to_bfloat16
from tests.calibrated import CALIBRATED

from assay.execution.lease_run import LeaseRun, Tools
from assay.schema.lease import LeaseCommitted, LeaseGranted
from assay.workloads.checkpoint import ADAPTER, Tensors

NOBODYS: Final = "f0" * 32
NOISE: Final = 1e-4
"""Of the segment's own way: a third of what is allowed between machines of unlike classes."""


class ForgesClass(LeaseRun):
    """States the class of nobody's machine with each commitment."""

    stated: ClassVar[str] = NOBODYS

    def __init__(self, granted: LeaseGranted, committed: list[LeaseCommitted], tools: Tools) -> None:
        super().__init__(granted, committed, replace(tools, machine=self.stated))


class ForgedBfloat16(ForgesClass, TampersTensors):
    """Keeps sixteen bits fewer, to be judged by a tolerance instead of by bits."""

    change = staticmethod(each(to_bfloat16))


class NoiseInTolerance(ForgesClass, TampersTensors):
    """Adds noise to the adapter that lies within the tolerance."""

    @staticmethod
    def change(after: Tensors, before: Tensors) -> Tensors:
        """The adapter after the segment, moved by a little."""
        return each(noisy, (ADAPTER,))(after, before)


class NoiseUnderCalibration(NoiseInTolerance):
    """Adds the same noise under a class between which and the verifiers' was measured."""

    stated = CALIBRATED


def noisy(values: Any, before: Any) -> Any:
    """Values with noise of that share of their way."""
    way = float(np.sqrt(np.mean((values - before) ** 2)))
    return values + np.random.default_rng(7).standard_normal(values.shape) * way * NOISE
