"""A model of a few thousand parameters and a text, enough to train on in milliseconds."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assay.workloads import FrozenParams, HeldInputs, ModelStore, SegmentResult, ignore_progress, read_params, workload

os.environ["HF_HUB_OFFLINE"] = "1"
TINY = {"steps": 6, "segment_steps": 2, "sequence_tokens": 16, "batch": 2, "lora_rank": 2, "threads": 1}
TINY |= {"learning_rate": 0.01, "heldout_share": 0.1}


@dataclass(frozen=True)
class Bench:
    """A store with the tiny model in it, and a text to train it on."""

    store: ModelStore
    model: str
    text: bytes

    @property
    def data(self) -> str:
        from assay.proof.digest import blob_digest

        return blob_digest(self.text)

    @property
    def inputs(self) -> HeldInputs:
        return HeldInputs(self.store, {self.data: self.text})

    def raw(self, **changes: Any) -> dict[str, Any]:
        return {"model": self.model, "data": self.data, **TINY, **changes}

    def params(self, **changes: Any) -> FrozenParams:
        return read_params("finetune", self.raw(**changes))

    def chain(self, state: bytes, segments: range, **changes: Any) -> list[SegmentResult]:
        """The closed segments of this job from `state` on."""
        params, closed = self.params(**changes), []
        for index in segments:
            closed.append(workload("finetune").run(params, self.inputs, state, index, ignore_progress))
            state = closed[-1].state
        return closed

    def moved(self, store: ModelStore, model: str) -> "Bench":
        return Bench(store, model, self.text)

    def with_text(self, text: bytes) -> "Bench":
        return Bench(self.store, self.model, text)


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    store = ModelStore(tmp_path_factory.mktemp("store"))
    folder = build_tiny_model(tmp_path_factory.mktemp("tiny"))
    return Bench(store, store.add(folder), b"the quick brown fox jumps over the lazy dog, again and again; " * 40)


@pytest.fixture(scope="session")
def start(bench: Bench) -> bytes:
    return workload("finetune").start(bench.params(), bench.inputs)


@pytest.fixture(scope="session")
def chain(bench: Bench, start: bytes) -> list[SegmentResult]:
    return bench.chain(start, range(3))


def build_tiny_model(folder: Path, width: int = 32) -> Path:
    """Write a random Llama of this width with a byte-level tokenizer of 256 tokens and two special ones."""
    import torch
    from safetensors.torch import save_file
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = {"hidden_size": width, "intermediate_size": 48, "num_hidden_layers": 2, "vocab_size": 258}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True}
    config = LlamaConfig(**shape, **heads, max_position_embeddings=128, bos_token_id=256, eos_token_id=257)
    torch.manual_seed(7)
    model = LlamaForCausalLM(config)
    tensors = {name: value for name, value in model.state_dict().items() if name != "lm_head.weight"}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    build_tokenizer().save(str(folder / "tokenizer.json"))
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>"}
    template = "{% for m in messages %}<s>{{ m['content'] }}{% endfor %}"
    (folder / "tokenizer_config.json").write_text(json.dumps({**special, "chat_template": template}))
    return folder


def build_tokenizer() -> Any:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<s>", special=True), AddedToken("</s>", special=True)])
    return tokenizer
