"""What can be wrong with a claimed segment of completions, and what can go wrong in checking it."""

from assay.workloads.errors import BadCheckpoint, WorkloadError


class BadOpening(BadCheckpoint):
    """The opened segment does not have the form that its job fixes."""

    code = "workload.bad_opening"
    advice = "Fetch it again by its digest; if it is the same, the one who committed to it is at fault."


class ForeignOpening(BadOpening):
    """The opened segment is well formed, but it is not the one that was committed to."""

    code = "workload.foreign_opening"
    advice = "Fetch what the commitment names; if there is no such thing, the segment is withheld."


class CheckFailed(WorkloadError):
    """The check itself could not be done here; it says nothing about the provider."""

    code = "workload.check_failed"
    advice = "Let another machine check the segment."
