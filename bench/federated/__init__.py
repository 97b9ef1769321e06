"""Federated learning on data that scikit-learn ships, split unevenly, beside the same model trained on all of it."""

from bench.federated.axis import run

__all__ = ["run"]
