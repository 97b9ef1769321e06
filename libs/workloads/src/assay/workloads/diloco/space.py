"""The space that is trained: all weights of a model, or a LoRA adapter on it; as named tensors and as one vector."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.workloads.adapter import build_result, draw_values, read_shapes
from assay.workloads.checkpoint import ADAPTER, FIRST, SECOND, STEP, Shapes, Tensors, read_tensors, write_tensors
from assay.workloads.diloco.codes import Floats
from assay.workloads.diloco.params import CourseParams
from assay.workloads.errors import BadCheckpoint, ModelUnsupported
from assay.workloads.finetune import FinetuneParams
from assay.workloads.model_files import open_weights
from assay.workloads.models import ModelStore
from assay.workloads.shards import weight_files

if TYPE_CHECKING:
    from assay.workloads.diloco.training import Trained


@dataclass(frozen=True)
class Space:
    """Names and shapes of what is trained, in name order, and the values that a course begins with."""

    shapes: Shapes
    start: Floats

    def split(self, vector: Floats) -> Tensors:
        """Return a vector as named tensors."""
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes.values()])
        parts = np.split(vector, ends[:-1])
        return {name: part.reshape(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}


def joined(tensors: Tensors) -> Floats:
    """Return tensors as one vector, in name order."""
    return np.concatenate([tensors[name].reshape(-1) for name in sorted(tensors)]).astype(np.float32)


def open_space(params: CourseParams, store: ModelStore) -> Space:
    """Return the space of a course. Raises ModelMissing, ModelCorrupt, ModelUnsupported, BadParams."""
    lora = lora_of(params) if params.lora_rank else None
    return read_space(params.model, store.root, lora)


@lru_cache(maxsize=1)
def read_space(model: str, root: Path, lora: FinetuneParams | None) -> Space:
    """Return the space of a model or of an adapter on it; the last one is kept."""
    store = ModelStore(root)
    store.verify(model)
    folder = store.path(model)
    tensors = start_adapter(lora, folder) if lora else read_weights(folder)
    shapes = {name: tensors[name].shape for name in sorted(tensors)}
    return Space(shapes, joined(tensors))


def read_weights(folder: Path) -> Tensors:
    """Return a model's own weights. Raises ModelUnsupported unless they are float32."""
    with open_weights(folder):
        files = weight_files(folder)
    try:
        return {name: each for file in files for name, each in read_tensors(file.read_bytes()).items()}
    except BadCheckpoint as error:
        raise ModelUnsupported(f"Its weights are trained as float32 alone: {error.detail}") from None


def start_adapter(lora: FinetuneParams, folder: Path) -> Tensors:
    """Return an adapter that changes nothing yet, as fine-tuning begins with. Raises BadParams."""
    found: Tensors = {}
    for name, shape in read_shapes(lora, folder).items():
        is_drawn = name.endswith("lora_A.weight")
        nothing = np.zeros(shape, np.float32)
        found[name] = draw_values(lora.seed, name, shape, shape[1] ** -0.5) if is_drawn else nothing
    return found


def lora_of(params: CourseParams) -> FinetuneParams:
    """Return the adapter as fine-tuning describes it."""
    assert params.lora_rank is not None
    sizes = {"lora_rank": params.lora_rank, "lora_alpha": params.lora_alpha, "seed": params.start_seed}
    rest = {"data": "0" * 64, "steps": 1, "segment_steps": 1, "sequence_tokens": 8}
    return FinetuneParams(model=params.model, targets=params.targets, **sizes, **rest)


def write_model(params: CourseParams, space: Space, vector: Floats) -> bytes:
    """Return what a requester fetches: a model's weights file, or an adapter as peft reads it."""
    tensors = space.split(vector)
    if not params.lora_rank:
        return write_tensors(tensors, {"format": "pt"})
    state: Tensors = {STEP: np.zeros(1, "<i8")}
    for name, values in tensors.items():
        nothing: NDArray[np.float32] = np.zeros_like(values)
        state |= {ADAPTER + name: values, FIRST + name: nothing, SECOND + name: nothing}
    return build_result(lora_of(params), write_tensors(state))


def check_names(space: Space, trained: "Trained") -> None:
    """Raise ModelUnsupported unless the loaded model has just the tensors of its file."""
    if {name: tuple(each.shape) for name, each in sorted(trained.parameters.items())} != space.shapes:
        raise ModelUnsupported("The model's tensors are not those that its weights file names.")
