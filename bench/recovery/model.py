"""A model of a hundred thousand parameters and a text: enough to train on in milliseconds a step."""

from pathlib import Path
from typing import Final

from assay.workloads import ModelStore
from bench.verification.honest.jobs import write_model

TEXT: Final = b"the quick brown fox jumps over the lazy dog, again and again; " * 400


def tiny(folder: Path) -> str:
    """The digest of the model in a store made there."""
    made = folder.parent / "tiny"
    write_model(made)
    return ModelStore(folder).add(made)
