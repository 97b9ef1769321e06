"""What a child loads before it has a task: torch and the model classes are most of the time from a grant to a step."""

import gc
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Final

from assay.workloads.registry import read_params, workload
from assay.workloads.task import Finished, Warm
from assay.workloads.workload import Inputs, Warmable

LIBRARIES: Final = {
    "finetune": ("assay.workloads.training", "assay.workloads.llama"),
    "generate": ("assay.workloads.generate.decode", "assay.workloads.llama"),
    "regress": ("assay.workloads.regression",),
}
"""The modules by which each built-in kind works; a kind that is not here loads them with its first task."""


def preload(kinds: Iterable[str]) -> None:
    """Load what these kinds work by, as far as it is installed."""
    if modules := {module for kind in kinds for module in LIBRARIES.get(kind, ())} - sys.modules.keys():
        with uncollected():
            for module in sorted(modules):
                with suppress(ImportError):
                    import_module(module)


@contextmanager
def uncollected() -> Iterator[None]:
    """Meanwhile nothing is looked through for garbage, and what is there then never will be.

    Modules stay: to look through a million objects of theirs, again and again, is a sixth of the time to load them.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def warm(task: Warm, inputs: Inputs) -> Finished:
    """Hold in memory what a job's segments need, as far as its kind keeps anything. Raises what loading it raises."""
    work, params = workload(task.kind), read_params(task.kind, task.params)
    preload((task.kind,))
    if isinstance(work, Warmable):
        work.warm(params, inputs)
    return Finished()
