"""Axis `court`: what it takes to end a dispute about a long training, beside running the training again."""

from bench.court.axis import run

__all__ = ["run"]
