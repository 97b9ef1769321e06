"""What a child process may read, write, reach and use: declared by its parent, enforced before it reads a task."""

from assay.workloads.sandbox.errors import SandboxUnavailable
from assay.workloads.sandbox.policy import Confined, Level, Policy

__all__ = ["Confined", "Level", "Policy", "SandboxUnavailable"]
