"""Full fine-tuning around the training: the model's own weights as the start, and all of them as the artefact."""

import numpy as np
import torch

from assay.workloads.base_model import load_frozen
from assay.workloads.checkpoint import ADAPTER, FIRST, SECOND, STEP, Tensors, read_checkpoint, write_tensors
from assay.workloads.finetune import FinetuneParams
from assay.workloads.fitting import check_fits
from assay.workloads.models import ModelStore


def start_whole(params: FinetuneParams, store: ModelStore) -> Tensors:
    """Return the checkpoint's tensors at step 0: each weight as the store has it, moments of zero.

    Raises ModelMissing, ModelCorrupt, ModelUnsupported, TooLarge.
    """
    store.verify(params.model)
    folder, device = store.path(params.model), torch.device("cpu")
    check_fits(params, folder, device)
    tensors: Tensors = {STEP: np.zeros(1, "<i8")}
    for name, weight in load_frozen(folder, device).named_parameters():
        zeros = np.zeros(weight.shape, "<f4")
        tensors |= {ADAPTER + name: weight.numpy(), FIRST + name: zeros, SECOND + name: zeros}
    return tensors


def build_weights(state: bytes) -> bytes:
    """Return every weight of a checkpoint as safetensors under the model's own names. Raises BadCheckpoint."""
    tensors = read_checkpoint(state)
    weights = {name.removeprefix(ADAPTER): values for name, values in tensors.items() if name.startswith(ADAPTER)}
    return write_tensors(weights, {"format": "pt"})
