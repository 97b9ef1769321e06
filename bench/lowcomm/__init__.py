"""Axis `lowcomm`: what a worker sends until a model is as good, by way of training."""

from bench.result import Result


def run() -> Result:
    """The axis, measured now."""
    from bench.lowcomm.axis import run as measure  # the workers of DDP are programs of this package

    return measure()
