"""Whether a model fits the memory that a job runs in: of the device that computes, or what the sandbox leaves it."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from assay.workloads.errors import TooLarge
from assay.workloads.finetune import FinetuneParams
from assay.workloads.memory import (
    GIB,
    HELD_BYTES,
    STATE_BYTES,
    STATE_BYTES_MAX,
    TOKEN_BYTES,
    as_it_is,
    bytes_held,
    bytes_of,
    what_would_fit,
)
from assay.workloads.model_files import count_parameters


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
    return refused(parameters, limit_bytes, what_would_fit(params, parameters, limit_bytes))


def refused(parameters: int, limit_bytes: int, instead: str) -> TooLarge:
    """Return the failure of work on a model that does not fit, with what to do instead."""
    held = f"A model of {parameters / 1e6:.0f} million parameters does not fit {limit_bytes / GIB:.1f} GiB so"
    return TooLarge(f"{held}: {instead}")


@contextmanager
def room_for(form: str, folder: Path, tokens: int, token_bytes: int = TOKEN_BYTES, instead: str = "") -> Iterator[None]:
    """Do work of a form on a model. Raises TooLarge, with what it needs, before it or when a device is full."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    limit_bytes, parameters = memory_of(device), count_parameters(folder)
    needed = f"{instead}{as_it_is(bytes_of(form, parameters, tokens, token_bytes), parameters)}"
    if limit_bytes is not None and HELD_BYTES[form] * parameters > limit_bytes:
        raise refused(parameters, limit_bytes, needed)
    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise refused(parameters, limit_bytes or 0, needed) from error


def memory_of(device: torch.device) -> int | None:
    """Return what a job may hold at most on this device; None where nothing says."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[1])
    soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return None if soft == resource.RLIM_INFINITY else soft
