"""Kinds of work, each a chain of segments that anyone can run again and compare; torch is loaded on first use only."""

from assay.workloads.errors import (
    BadCheckpoint,
    BadData,
    BadParams,
    Diverged,
    InputMissing,
    ModelCorrupt,
    ModelMissing,
    ModelUnavailable,
    ModelUnsupported,
    UnknownKind,
    WorkloadError,
)
from assay.workloads.models import ModelStore
from assay.workloads.registry import WORKLOADS, read_params, workload
from assay.workloads.workload import (
    FrozenParams,
    HeldInputs,
    Inputs,
    Progress,
    SegmentResult,
    Workload,
    ignore_progress,
)

__all__ = [
    "WORKLOADS",
    "BadCheckpoint",
    "BadData",
    "BadParams",
    "Diverged",
    "FrozenParams",
    "HeldInputs",
    "InputMissing",
    "Inputs",
    "ModelCorrupt",
    "ModelMissing",
    "ModelStore",
    "ModelUnavailable",
    "ModelUnsupported",
    "Progress",
    "SegmentResult",
    "UnknownKind",
    "Workload",
    "WorkloadError",
    "ignore_progress",
    "read_params",
    "workload",
]
