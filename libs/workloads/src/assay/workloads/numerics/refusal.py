"""What cannot be computed exactly."""

from assay.workloads.errors import WorkloadError


class NotExact(WorkloadError):
    """A computation has no exact form, or this machine does not compute as the exact operators need."""

    code = "workload.not_exact"
    advice = "Ask for native numerics, or for a model made of the operators that have an exact form."
