"""Why a request is turned away."""

from assay.workloads.errors import WorkloadError


class TurnedAway(WorkloadError):
    """A request is not answered here; `code` says why, `next` which number is awaited if it is a matter of that."""

    advice = "See the code: sign again, ask another replica, or change the request."

    def __init__(self, code: str, detail: str, next_number: int | None = None) -> None:
        self.code, self.next_number = code, next_number
        super().__init__(detail)
