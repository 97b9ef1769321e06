"""A command with inputs, outputs and limits, run in a box: on a machine's interpreters, or in an image of its own."""

from assay.workloads.command.params import CommandParams
from assay.workloads.command.workload import Command

__all__ = ["Command", "CommandParams"]
