"""What a sandbox stops, each with a stable code, and whose fault it is."""

import errno
from typing import Final

from assay.schema.errors import EXIT_SETTINGS, Fault
from assay.workloads.task import Failed

DETAIL_MAX: Final = 300
BY_ERRNO: Final = {
    errno.EPERM: "sandbox.denied",
    errno.EACCES: "sandbox.denied",
    errno.EXDEV: "sandbox.denied",
    errno.EFBIG: "sandbox.disk",
    errno.EMFILE: "sandbox.files",
}
ADVICE: Final = {
    "sandbox.denied": "The work asked for what no job may; if it was a file of the worker's own, let it be read.",
    "sandbox.disk": "The work wrote more than a lease may: ask for smaller checkpoints.",
    "sandbox.files": "The work held too many files open: it is not one that runs here.",
    "sandbox.garbled": "The child said what no honest child says; it was ended.",
    "sandbox.memory": "The work needs more memory than the lease has: ask for machines with more.",
    "sandbox.threads": "The work started more threads than a lease may.",
    "sandbox.time": "The work did not end in time; it was ended.",
    "sandbox.unwatched": "The child could not be looked after, and was ended.",
}
MACHINE: Final = frozenset({"sandbox.denied", "sandbox.garbled", "sandbox.time"})
"""Those that are no failure of the job's own: another machine may do better, and the lease is given back."""
NO_THREAD: Final = "can't start new thread"
NO_MEMORY: Final = "can't allocate memory"


class SandboxUnavailable(Fault):
    """This machine cannot hold a job as its operator asked."""

    code = "sandbox.unavailable"
    advice = (
        "Run Linux 6.2 or later with landlock in its `lsm=` list and seccomp on, in a container that allows both; "
        "or accept the weaker level by name: ASSAY_EXECUTION_SANDBOX=limits, ASSAY_VERIFIER_SANDBOX=limits, "
        "ASSAY_VERIFICATION_SANDBOX=limits."
    )
    exit_code = EXIT_SETTINGS


def breach(code: str, detail: str) -> Failed:
    """Return what the runner is told of a limit that was reached."""
    return Failed(code=code, detail=f"{detail[:DETAIL_MAX]} {ADVICE[code]}", fault=code in MACHINE)


def breach_of(error: BaseException) -> Failed | None:
    """Return the limit that an exception speaks of; none if it speaks of something else."""
    text = str(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or NO_MEMORY in text:
        return breach("sandbox.memory", text)
    if isinstance(error, OSError) and error.errno in BY_ERRNO:
        return breach(BY_ERRNO[error.errno], text)
    if isinstance(error, RuntimeError) and NO_THREAD in text:
        return breach("sandbox.threads", text)
    return None
