"""Axis `recovery`: from a provider's kill -9 to the next training step, and what of the training is lost."""

from bench.recovery.axis import run

__all__ = ["run"]
