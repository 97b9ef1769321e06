"""Whether a model fits the memory that a job runs in: of the device that computes, or what the sandbox leaves it."""

import math
import resource
from pathlib import Path

import torch

from assay.workloads.errors import TooLarge
from assay.workloads.finetune import FinetuneParams
from assay.workloads.memory import GIB, STATE_BYTES, STATE_BYTES_MAX, bytes_held, what_would_fit
from assay.workloads.model_files import open_weights


def check_fits(params: FinetuneParams, folder: Path, device: torch.device) -> None:
    """Raise TooLarge, with what would fit, for a job whose weights and moments alone are more than there is."""
    limit_bytes, parameters = memory_of(device), count_parameters(folder)
    if params.method == "full" and STATE_BYTES * parameters > STATE_BYTES_MAX:
        size = f"{STATE_BYTES * parameters / GIB:.1f} GiB, of at most {STATE_BYTES_MAX / GIB:.0f}"
        raise TooLarge(f"The checkpoint of {parameters / 1e6:.0f} million weights has {size}: method=lora would fit.")
    if limit_bytes is not None and bytes_held(params, parameters) > limit_bytes:
        raise too_large(params, parameters, limit_bytes)


def too_large(params: FinetuneParams, parameters: int, limit_bytes: int) -> TooLarge:
    """Return the failure of a job that has more to hold than there is."""
    held = f"A model of {parameters / 1e6:.0f} million parameters does not fit {limit_bytes / GIB:.1f} GiB so"
    return TooLarge(f"{held}: {what_would_fit(params, parameters, limit_bytes)}")


def memory_of(device: torch.device) -> int | None:
    """Return what a job may hold at most on this device; None where nothing says."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[1])
    soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return None if soft == resource.RLIM_INFINITY else soft


def count_parameters(folder: Path) -> int:
    """Return how many numbers a model's weights file has."""
    with open_weights(folder) as weights:
        return sum(math.prod(weights.get_slice(key).get_shape()) for key in weights.keys())  # noqa: SIM118
