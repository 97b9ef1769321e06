"""The model that completes and checks: its trunk in the number type asked for, its head always in float32.

Logits rounded to bfloat16 lie up to a sixteenth apart, which would blur near choices for honest machines; the head in
float32 costs little and keeps a job in bfloat16 checkable.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from assay.workloads.base_model import load_frozen
from assay.workloads.errors import BadData
from assay.workloads.generate.params import GenerateParams
from assay.workloads.generation import encode_prompt
from assay.workloads.llama import be_deterministic
from assay.workloads.model_files import read_configuration, understood
from assay.workloads.models import ModelStore
from assay.workloads.templates import load_template
from assay.workloads.text import check_words

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Wording(Protocol):
    """What a model's tokens say, and which of them end an answer."""

    @property
    def ends(self) -> tuple[int, ...]:
        """The tokens that end an answer."""
        ...

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        ...

    def text(self, tokens: Any) -> str:
        """Return tokens as text, without special ones."""
        ...


@dataclass(frozen=True)
class Words:
    """A model's wording without its weights."""

    tokenizer: Any
    ends: tuple[int, ...]
    vocabulary: int

    def text(self, tokens: Any) -> str:
        """Return tokens as text, without special ones."""
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True))


@dataclass(frozen=True)
class Engine:
    """A frozen model: layers up to the last normalised states, output matrix (vocabulary, width), tokenizer."""

    trunk: Any
    head: Tensor
    tokenizer: Any
    ends: tuple[int, ...]
    positions_max: int

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.head.device

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return self.head.shape[0]

    @property
    def width(self) -> int:
        """How many numbers a state has."""
        return self.head.shape[1]

    def logits(self, states: Tensor) -> Tensor:
        """Return the logits of states (rows, width), in float32."""
        return states.float() @ self.head.T

    def encode(self, prompt: str, params: GenerateParams) -> list[int]:
        """Return the tokens of a prompt. Raises BadData for one that is too long."""
        tokens = encode_prompt(self.tokenizer, prompt)
        room = min(params.prompt_tokens_max, self.positions_max - params.max_tokens)
        if not 1 <= len(tokens) <= room:
            raise BadData(f"A prompt has {len(tokens)} tokens; 1 to {room} fit beside {params.max_tokens} new ones.")
        return tokens

    def text(self, tokens: Any) -> str:
        """Return tokens as text, without special ones."""
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True))


def load_engine(model: str, store: ModelStore, dtype: str, threads: int) -> Engine:
    """Return the model ready to work with so many threads. Raises ModelMissing, ModelCorrupt, ModelUnsupported."""
    be_deterministic(threads)
    return _load(model, store.root, dtype)


@lru_cache(maxsize=4)
def load_wording(model: str, root: Path) -> Words:
    """Return a model's wording alone. Raises ModelMissing, ModelCorrupt, ModelUnsupported."""
    store = ModelStore(root)
    store.verify(model)
    folder = store.path(model)
    config, tokenizer = read_configuration(folder), load_template(folder)
    with understood("configuration"):
        return Words(tokenizer, ends_of(config["eos_token_id"]), config["vocab_size"])


def ends_of(said: int | list[int]) -> tuple[int, ...]:
    """Return the tokens that end an answer, as a model's configuration names them."""
    return tuple(said if isinstance(said, list) else [said])


@lru_cache(maxsize=1)
def _load(model: str, root: Path, dtype: str) -> Engine:
    store = ModelStore(root)
    store.verify(model)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return engine_of(load_frozen(store.path(model), device), store.path(model), dtype)


def engine_of(whole: Any, folder: Path, dtype: str) -> Engine:
    """Return the engine of a model that is loaded in float32; its trunk is converted. Raises ModelUnsupported."""
    head = whole.lm_head.weight.detach()
    template = load_template(folder)
    check_words(template.get_vocab(), len(head))
    engine = Engine(
        trunk=whole.model,
        head=head,
        tokenizer=template,
        ends=ends_of(whole.config.eos_token_id),
        positions_max=whole.config.max_position_embeddings,
    )
    if dtype == "float32":
        return engine
    # The output matrix may be that of the embedding, which is converted with the trunk.
    return replace(engine, head=head.clone(), trunk=whole.model.to(DTYPES[dtype]))
