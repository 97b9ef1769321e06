"""What a child loads before it has a task: torch and the model classes are most of the time from a grant to a step."""

from collections.abc import Iterable
from contextlib import suppress
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
    for module in sorted({module for kind in kinds for module in LIBRARIES.get(kind, ())}):
        with suppress(ImportError):
            import_module(module)


def warm(task: Warm, inputs: Inputs) -> Finished:
    """Hold in memory what a job's segments need, as far as its kind keeps anything. Raises what loading it raises."""
    work, params = workload(task.kind), read_params(task.kind, task.params)
    preload((task.kind,))
    if isinstance(work, Warmable):
        work.warm(params, inputs)
    return Finished()
