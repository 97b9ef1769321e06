"""Axis `numerics`: whole training steps with exact operators beside the same steps with torch's own."""

from bench.numerics.steps import run

__all__ = ["run"]
