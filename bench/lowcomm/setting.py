"""What all ways of training share: a small Llama, the text of Python's manual, its shards, batches and held-out part.

The text is read by characters. Every way starts from the same weights, takes the same batches for each worker and the
same inner optimiser; the loss is that of windows which nobody trains on.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from assay.proof.digest import blob_digest
from assay.workloads import ModelStore
from assay.workloads.diloco.course import Outer
from assay.workloads.diloco.params import MemberParams
from assay.workloads.diloco.space import Space
from assay.workloads.diloco.training import Trained, loss_of
from assay.workloads.text import cut_windows, tokenize

WORKERS: Final = 2
TOKENS: Final = 32
SIZES: Final[Mapping[str, Any]] = {"sequence_tokens": TOKENS, "batch": 16, "threads": 1}
OPTIMISER: Final[Mapping[str, Any]] = {"learning_rate": 5e-3, "warmup_steps": 5}
SEED_EACH: Final = 100
"""By so much the orders in which workers read differ from one setting's seed to the next."""
HELDOUT_WINDOWS: Final = 96
HELDOUT_PART: Final = 20
"""One in so many bytes of the text is held out."""


@dataclass(frozen=True)
class Setting:
    """The model in its store, each worker's shard, and the windows that the loss is told of."""

    store: ModelStore
    model: str
    shards: tuple[bytes, ...]
    heldout: NDArray[np.int64]
    seed: int = 0

    def params(self, worker: int, **changes: Any) -> MemberParams:
        """A worker's job, as the workload describes it."""
        own = {"model": self.model, "data": blob_digest(self.shards[worker]), "seed": worker + SEED_EACH * self.seed}
        return MemberParams.model_validate({**SIZES, **OPTIMISER, **own, **changes})


def prepare(folder: Path, seed: int = 0, workers: int = WORKERS) -> Setting:
    """The setting, made in a folder; the seed is of the weights and of the orders in which workers read."""
    text = "\n".join(topics[name] for name in sorted(topics)).encode()
    cut = len(text) - len(text) // HELDOUT_PART
    (folder / "model").mkdir()
    store = ModelStore(folder / "store")
    model = store.add(build_model(folder / "model", seed))
    tokens = tokenize(store.path(model), text[cut:])
    windows = cut_windows(tokens, TOKENS)
    heldout = windows[np.arange(HELDOUT_WINDOWS) * len(windows) // HELDOUT_WINDOWS]
    ends = [cut * worker // workers for worker in range(workers + 1)]
    shards = tuple(text[first:last] for first, last in pairwise(ends))
    return Setting(store, model, shards, heldout, seed)


def build_model(folder: Path, seed: int) -> Path:
    """Write a random Llama of some thirty thousand weights, and a tokenizer of bytes."""
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = {"hidden_size": 32, "intermediate_size": 96, "num_hidden_layers": 2, "vocab_size": 256}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 4, "tie_word_embeddings": True}
    config = LlamaConfig(**shape, **heads, max_position_embeddings=TOKENS)
    torch.manual_seed(7 + seed)
    model = LlamaForCausalLM(config)
    tensors = {name: value for name, value in model.state_dict().items() if name != "lm_head.weight"}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def heldout_loss(setting: Setting, trained: Trained, space: Space, outer: Outer) -> float:
    """The mean loss on the held-out windows."""
    trained.put(space.split(outer.weights))
    with torch.no_grad():
        return loss_of(trained, setting.heldout, "native").item()
