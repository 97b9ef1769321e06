"""The checkpoint before a job's first segment: new, or with the weights that an earlier job came to."""

from assay.workloads.adapter import read_adapter, start_adapter
from assay.workloads.checkpoint import ADAPTER, STEP, Shapes, Tensors, read_checkpoint, read_tensors, write_tensors
from assay.workloads.errors import BadCheckpoint, BadStart
from assay.workloads.finetune import FinetuneParams
from assay.workloads.workload import Inputs


def start_of(params: FinetuneParams, inputs: Inputs) -> bytes:
    """Return the checkpoint at step 0. Raises BadParams, BadStart, InputMissing, and what loading a model raises."""
    tensors = new_start(params, inputs)
    if params.start_from:
        shapes = {name.removeprefix(ADAPTER): t.shape for name, t in tensors.items() if name.startswith(ADAPTER)}
        tensors |= earlier_weights(inputs.read(params.start_from), shapes)
    return write_tensors(tensors)


def new_start(params: FinetuneParams, inputs: Inputs) -> Tensors:
    """Return the checkpoint's tensors of a job that starts from the model alone."""
    if params.method == "lora":
        return start_adapter(params, inputs.models.path(params.model))
    from assay.workloads.whole_model import start_whole

    return start_whole(params, inputs.models)


def earlier_weights(data: bytes, shapes: Shapes) -> Tensors:
    """Return the weights in a result or a checkpoint, under their names in a checkpoint. Raises BadStart."""
    try:
        tensors = read_tensors(data)
        if STEP not in tensors:
            return {ADAPTER + name: values for name, values in read_adapter(data, shapes).items()}
        return {name: values for name, values in read_checkpoint(data, shapes).items() if name.startswith(ADAPTER)}
    except BadCheckpoint as error:
        raise BadStart(error.detail) from error
