"""Axis `trace`: a training step checked from its operators' results, beside the same step computed again."""

from bench.trace.axis import run

__all__ = ["run"]
