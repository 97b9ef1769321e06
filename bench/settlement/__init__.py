"""Axis `settlement`: gas for each settled job, by epochs and by what is done without them, on one EVM node."""

from bench.settlement.axis import run

__all__ = ["run"]
