"""The model that is trained, loaded once per process: frozen with a LoRA adapter injected by peft, or whole.

Nothing here reaches a hub: files come from the model store, are checked against the model's digest, and only plain
Llama models are loaded, without code of their own. Weights are float32; one whose weights alone are more than the lease
or the device holds is refused before it is read. On CUDA the attention is the eager one, whose backward pass is
deterministic; that path has not been run on a GPU.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Threads that wait for one another sleep: spinning would take the cores from other work on this machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from torch import Tensor, nn

from assay.workloads.adapter import lora_settings, read_adapter, read_shapes
from assay.workloads.checkpoint import Shapes, Tensors
from assay.workloads.configuration import check_plain
from assay.workloads.errors import ModelUnsupported
from assay.workloads.finetune import FinetuneParams
from assay.workloads.fitting import check_fits
from assay.workloads.llama import (
    AutoModelForCausalLM,
    LoraConfig,
    be_deterministic,
    inject_adapter_in_model,
    lean,
    logging,
)
from assay.workloads.model_files import check_leads_nowhere, check_weights, open_weights, read_configuration, understood
from assay.workloads.models import ModelStore
from assay.workloads.nf4 import load_quantised

logging.disable_progress_bar()
FAMILIES = ("llama",)


@dataclass(frozen=True)
class AdaptedModel:
    """A model and those of its tensors that are trained (an adapter, or all), by their names in a checkpoint."""

    model: Any
    adapter: dict[str, nn.Parameter]
    shapes: Shapes
    device: torch.device

    def hidden(self, tokens: Tensor, places: Tensor | None = None, sees: Tensor | None = None) -> Tensor:
        """Return the last hidden states (sequences, tokens, width).

        Of packed examples `places` are the tokens' own, and `sees` [N, 1, L, L] says which token sees which.
        """
        if sees is not None and self.model.config._attn_implementation == "eager":
            # That one adds its mask.
            sees = torch.where(sees, 0.0, torch.finfo(torch.float32).min)
        given = {"position_ids": places, "attention_mask": sees} if sees is not None else {}
        states: Tensor = self.model.model(input_ids=tokens, use_cache=False, **given).last_hidden_state
        return states

    @property
    def head(self) -> Tensor:
        """The output matrix (vocabulary, width)."""
        weight: Tensor = self.model.lm_head.weight
        return weight

    def set_adapter(self, tensors: Tensors) -> None:
        """Copy these values into what is trained."""
        with torch.no_grad():
            for name, parameter in self.adapter.items():
                parameter.copy_(torch.from_numpy(tensors[name].copy()))
                parameter.grad = None

    def clear_adapter(self) -> None:
        """Make the adapter change nothing."""
        with torch.no_grad():
            for parameter in self.adapter.values():
                parameter.zero_()


def load_adapted(params: FinetuneParams, store: ModelStore) -> AdaptedModel:
    """Return the job's model ready to work with the job's threads.

    Raises ModelMissing, ModelCorrupt, ModelUnsupported, TooLarge, BadParams.
    """
    be_deterministic(params.threads)
    return adapt(params.model_copy(update=NOT_THE_MODEL), store.root)


# Parameters that do not change the model, set alike so that jobs that differ in them share one.
NOT_THE_MODEL = {
    "model_parameters": None,
    "model_files": (),
    "data": "0" * 64,
    "data_form": "text",
    "packing": True,
    "start_from": None,
    "steps": 1,
    "segment_steps": 1,
    "sequence_tokens": 8,
    "batch": 1,
    "accumulate": 1,
    "learning_rate": 1.0,
    "weight_decay": 0.0,
    "schedule": "constant",
    "warmup_steps": 0,
    "clip_norm": None,
    "seed": 0,
    "threads": 1,
    "heldout_share": 0.5,
    "evaluate_windows": 0,
    "dtype": "float32",
    "numerics": "native",
}


@lru_cache(maxsize=1)
def adapt(params: FinetuneParams, root: Path) -> AdaptedModel:
    """Return the model from the store with what is trained of it; only the last one is kept."""
    store = ModelStore(root)
    store.verify(params.model)
    folder = store.path(params.model)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    check_fits(params, folder, device)
    model = load_frozen(folder, device, params.base)
    return inject(params, model, folder, device) if params.method == "lora" else thaw(model, device)


def thaw(model: Any, device: torch.device) -> AdaptedModel:
    """Return a model every weight of which is trained; one that has two places is one tensor."""
    named = dict(sorted(model.requires_grad_(True).named_parameters()))
    return AdaptedModel(model, named, {name: tuple(each.shape) for name, each in named.items()}, device)


def inject(params: FinetuneParams, model: Any, folder: Path, device: torch.device) -> AdaptedModel:
    """Return a frozen model with the job's adapter. Raises BadParams, ModelUnsupported."""
    shapes = read_shapes(params, folder)
    layers = sorted({int(name.split(".layers.")[1].split(".")[0]) for name in shapes})
    settings = {name: value for name, value in lora_settings(params, layers).items() if name != "peft_type"}
    inject_adapter_in_model(LoraConfig(**settings), model)
    named = {checkpoint_name(name): p for name, p in model.named_parameters() if p.requires_grad}
    if {name: tuple(parameter.shape) for name, parameter in named.items()} != shapes:
        raise ModelUnsupported("The model's layers are not those that its weights file names.")
    return AdaptedModel(model, dict(sorted(named.items())), shapes, device)


def load_frozen(folder: Path, device: torch.device, base: str = "float32") -> Any:
    """Return the bare model in float32 or with layers in `base`, nothing of it trainable. Raises ModelUnsupported."""
    configuration = read_configuration(folder)
    family = configuration.get("model_type")
    check_leads_nowhere(folder, configuration)
    if family not in FAMILIES:
        raise ModelUnsupported(f"The model is of the family {family}; only {', '.join(FAMILIES)} is run.")
    check_plain(configuration)
    attention = "eager" if device.type == "cuda" else "sdpa"
    with lean(), understood("weights"):
        model = load_quantised(folder, attention) if base == "nf4" else load_whole(folder, attention)
    # Of a matrix in four bits its scales tell, which are a buffer.
    if not all(each.isfinite().all() for each in chain(model.parameters(), model.buffers())):
        raise ModelUnsupported("The model has weights that are not finite.")
    return model.requires_grad_(False).to(device).eval()


def load_whole(folder: Path, attention: str) -> Any:
    """Return a model in float32, each of its tensors from its weights' files. Raises ModelUnsupported."""
    with open_weights(folder):
        # Of an index the library asks no questions, and follows it out of the folder.
        pass
    model, loaded = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=torch.float32,
        local_files_only=True,
        use_safetensors=True,
        attn_implementation=attention,
        # What does not fit is told of below, by name.
        ignore_mismatched_sizes=True,
        output_loading_info=True,
    )
    check_weights(loaded)
    return model


def checkpoint_name(name: str) -> str:
    """Return peft's name in an adapter file for a parameter of the injected model."""
    return "base_model.model." + name.replace(".default.", ".")


def apply_result(params: FinetuneParams, adapted: AdaptedModel, store: ModelStore, result: bytes | None) -> None:
    """Put a job's result into the model, or what it was before. Raises BadCheckpoint."""
    if params.method == "lora":
        apply_adapter(adapted, result)
    elif result is None:
        before = load_frozen(store.path(params.model), adapted.device)
        adapted.set_adapter({name: weight.cpu().numpy() for name, weight in before.named_parameters()})
    else:
        adapted.set_adapter(read_adapter(result, adapted.shapes))


def apply_adapter(adapted: AdaptedModel, adapter: bytes | None) -> None:
    """Put this adapter into the model, or none. Raises BadCheckpoint."""
    if adapter is None:
        adapted.clear_adapter()
    else:
        adapted.set_adapter(read_adapter(adapter, adapted.shapes))
