"""What can go wrong with a command, and whose fault it is: of all but the first, the job's own."""

from assay.workloads.errors import WorkloadError


class NoBox(WorkloadError):
    """This machine has no box to execute programs in, or not the program."""

    code = "command.no_box"
    advice = "Let it have user namespaces, landlock and seccomp, or do not offer commands."


class NoEgress(NoBox):
    """This machine lets no program reach what its job names."""

    code = "command.no_egress"
    advice = "Set ASSAY_EXECUTION_EGRESS or ASSAY_VERIFIER_EGRESS, or leave such work to others."


class BadImage(WorkloadError):
    """An archive is no image that can be unpacked here."""

    code = "command.bad_image"
    advice = "Save it by `docker save` or as an OCI layout, for linux, not compressed; or raise disk_bytes."


class CommandFailed(WorkloadError):
    """A command ended otherwise than with 0."""

    code = "command.failed"
    advice = "Try it with the same inputs and limits, then submit again."


class CommandNotFound(WorkloadError):
    """There is no such program in the image."""

    code = "command.not_found"
    advice = "Name a program of the image, by its whole path if need be."


class CommandTooLong(WorkloadError):
    """A command did not end in its time."""

    code = "command.time"
    advice = "Raise time_s, or cut the job into more segments."


class BadOutput(WorkloadError):
    """What a command left is not what it declared."""

    code = "command.bad_output"
    advice = "Write each declared output as a plain file beneath `out`, within output_bytes."
