"""The LoRA adapter around the training: its shapes, its first values and the artefact that the requester gets.

The first values come from BLAKE3 as a counter-based generator of integers, so they are the same on every machine:
A is uniform in ±1/√inputs (Kaiming's bound for LoRA), B is zero, and the adapter changes nothing until it is trained.
"""

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from assay.workloads.checkpoint import (
    ADAPTER,
    FIRST,
    SECOND,
    STEP,
    Shapes,
    Tensors,
    check_layout,
    read_checkpoint,
    read_tensors,
    write_tensors,
)
from assay.workloads.errors import BadParams, ModelUnsupported
from assay.workloads.finetune import FinetuneParams
from assay.workloads.model_files import open_weights

PREFIX = "base_model.model."
LAYER = re.compile(r"model\.layers\.(\d+)\.(?:self_attn|mlp)\.(\w+)\.weight")
CONFIG = "adapter_config"


def read_shapes(params: FinetuneParams, folder: Path) -> Shapes:
    """Return name and shape of every adapter tensor on this model. Raises BadParams if nothing is adapted."""
    with open_weights(folder) as weights:
        found = {key: match for key in weights.keys() if (match := LAYER.fullmatch(key))}  # noqa: SIM118
        layers = 1 + max((int(match[1]) for match in found.values()), default=-1)
        first = max(0, layers - (params.lora_layers or layers))
        adapted = [key for key, match in found.items() if match[2] in params.targets and int(match[1]) >= first]
        sizes = {key: weights.get_slice(key).get_shape() for key in adapted}
    if not sizes:
        raise BadParams(f"The model has none of the layers {', '.join(params.targets)}.")
    if odd := next((key for key, size in sizes.items() if len(size) != 2 or not all(size)), None):
        raise ModelUnsupported(f"The model's {odd[:64]} is no matrix.")
    return {name: shape for key, size in sorted(sizes.items()) for name, shape in pair_shapes(key, size, params)}


def pair_shapes(key: str, size: list[int], params: FinetuneParams) -> list[tuple[str, tuple[int, ...]]]:
    """Return name and shape of A and B on one weight of `size` (outputs, inputs)."""
    stem, rank = PREFIX + key.removesuffix(".weight"), params.lora_rank
    return [(f"{stem}.lora_A.weight", (rank, size[1])), (f"{stem}.lora_B.weight", (size[0], rank))]


def draw_values(seed: int, name: str, shape: tuple[int, ...], bound: float) -> NDArray[np.float32]:
    """Return values uniform in [-bound, bound): 24-bit integers times one factor, each rounded once."""
    stream = blake3(seed.to_bytes(8, "big") + name.encode()).digest(length=4 * math.prod(shape))
    integers = (np.frombuffer(stream, "<u4") >> 8).astype(np.int32) - (1 << 23)
    return (integers.astype(np.float32) * np.float32(bound / (1 << 23))).reshape(shape)


def start_adapter(params: FinetuneParams, folder: Path) -> Tensors:
    """Return the checkpoint's tensors at step 0. Raises BadParams."""
    tensors: Tensors = {STEP: np.zeros(1, "<i8")}
    for name, shape in read_shapes(params, folder).items():
        is_drawn = name.endswith("lora_A.weight")
        zeros = np.zeros(shape, "<f4")
        tensors[ADAPTER + name] = draw_values(params.seed, name, shape, shape[1] ** -0.5) if is_drawn else zeros
        tensors |= {FIRST + name: zeros, SECOND + name: zeros}
    return tensors


def build_result(params: FinetuneParams, state: bytes) -> bytes:
    """Return the adapter of a checkpoint, with its configuration for peft as metadata. Raises BadCheckpoint."""
    tensors = read_checkpoint(state)
    adapter = {name.removeprefix(ADAPTER): values for name, values in tensors.items() if name.startswith(ADAPTER)}
    layers = sorted({int(re.search(r"\.layers\.(\d+)\.", name)[1]) for name in adapter})  # type: ignore[index]
    return write_tensors(adapter, {CONFIG: json.dumps(lora_settings(params, layers), sort_keys=True)})


def lora_settings(params: FinetuneParams, layers: list[int]) -> dict[str, Any]:
    """Return the settings of peft's LoraConfig."""
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": params.lora_rank,
        "lora_alpha": params.lora_alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": list(params.targets),
        "layers_to_transform": layers,
    }


def read_adapter(adapter: bytes, shapes: Shapes) -> Tensors:
    """Return the tensors of an adapter of exactly these shapes. Raises BadCheckpoint."""
    tensors = read_tensors(adapter)
    check_layout(tensors, shapes)
    return tensors


def save_adapter(adapter: bytes, folder: Path) -> None:
    """Write an adapter as the folder that `peft.PeftModel.from_pretrained` reads."""
    header_end = 8 + int.from_bytes(adapter[:8], "little")
    read_tensors(adapter)
    settings = json.loads(adapter[8:header_end])["__metadata__"][CONFIG]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_model.safetensors").write_bytes(adapter)
    (folder / "adapter_config.json").write_text(settings + "\n", encoding="utf-8")
