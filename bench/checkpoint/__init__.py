"""Axis `checkpoint`: how fast a checkpoint is kept and had again, and how much of it travels."""

from bench.checkpoint.axis import run

__all__ = ["run"]
