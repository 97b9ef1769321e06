"""What can go wrong in a trace check, each with whose fault it is: the job's, the opening's or the checker's."""

from assay.workloads.errors import WorkloadError


class UnknownOperator(WorkloadError):
    """A step contains an operator that no rule checks and that cannot be computed again."""

    code = "trace.unknown_operator"
    advice = "Check this job by replay, or add a row for the operator to the table of rules."


class BadOpening(WorkloadError):
    """An opening is not what this step's openings must look like; `step` and `operator` say where it goes wrong."""

    code = "trace.bad_opening"
    advice = "Fetch the opening again; if it is the same, the one who wrote it is at fault."

    def __init__(self, step: int, operator: int, name: str, detail: str) -> None:
        self.step, self.operator = step, operator
        super().__init__(f"Step {step}, operator {operator} ({name}): {detail}")


class CheckerFault(WorkloadError):
    """The machine that checks failed; nothing is said about the trace."""

    code = "trace.machine_fault"
    advice = "Run the check again on another machine; nobody is to blame for this one."
