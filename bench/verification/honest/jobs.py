"""The work of the honest: small jobs of the real kind, no two alike, each named by its number.

A text and a Llama of some ten thousand parameters, made once and read by every process.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from assay.proof.digest import blob_digest
from assay.schema.job import JobSpec
from assay.workloads import HeldInputs, ModelStore

JOB_SEGMENTS: Final = 10
SEGMENT_STEPS: Final = 1
TEXT: Final = b"Every result is proven before it is paid; what is drawn is run again by others. " * 60
RANKS: Final = (2, 4, 8)
SHAPES: Final = ((64, 2), (32, 4), (16, 4))
TARGETS: Final = (["q_proj", "v_proj"], ["o_proj", "up_proj"], ["down_proj", "k_proj", "q_proj"])
RATES: Final = (1e-3, 3e-3, 1e-2)


class Check(StrEnum):
    """How a job's segments are checked, which says how they are computed."""

    REPLAY = "float32_replayed"
    EXACT = "exact_replayed"
    TRACE = "float32_traced"


ORDER: Final = (*[Check.REPLAY] * 8, Check.EXACT, Check.TRACE)
"""The checks of ten jobs in a row, of one shape but for the last."""


@dataclass(frozen=True)
class Job:
    """A job by its number: what it computes and how that is checked."""

    number: int
    spec: JobSpec

    @property
    def check(self) -> Check:
        """How its segments are checked."""
        return ORDER[self.number % len(ORDER)]


def job_of(number: int, model: str) -> Job:
    """The job of this number."""
    turn = number // len(ORDER)
    # A traced job's graph is made anew for each shape and rank, so these have one.
    is_traced = ORDER[number % len(ORDER)] is Check.TRACE
    shape, rank = (SHAPES[0], 4) if is_traced else (SHAPES[turn % 3], RANKS[turn // 3 % 3])
    params: dict[str, Any] = {
        "model": model,
        "data": blob_digest(TEXT),
        "steps": JOB_SEGMENTS * SEGMENT_STEPS,
        "segment_steps": SEGMENT_STEPS,
        "sequence_tokens": shape[0],
        "batch": shape[1],
        "lora_rank": rank,
        "targets": TARGETS[0] if is_traced else TARGETS[turn // 9 % 3],
        "learning_rate": RATES[number % 3],
        "schedule": ("linear", "constant")[number % 2],
        "seed": number,
        "numerics": "exact" if ORDER[number % len(ORDER)] is Check.EXACT else "native",
    }
    return Job(number, JobSpec(kind="finetune", params=params, segments=JOB_SEGMENTS, segment_units=1))


def inputs_in(models_dir: Path) -> HeldInputs:
    """The text, and the store in which the model lies."""
    return HeldInputs(ModelStore(models_dir), {blob_digest(TEXT): TEXT})


def write_model(folder: Path) -> None:
    """Write a small Llama with a byte-level tokenizer."""
    import torch
    from safetensors.torch import save_file
    from transformers import LlamaConfig, LlamaForCausalLM

    folder.mkdir(parents=True)
    shape = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "vocab_size": 258}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True}
    config = LlamaConfig(**shape, **heads, max_position_embeddings=128, bos_token_id=256, eos_token_id=257)
    torch.manual_seed(7)
    weights = LlamaForCausalLM(config).state_dict()
    kept = {name: tensor for name, tensor in weights.items() if name != "lm_head.weight"}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    bytewise().save(str(folder / "tokenizer.json"))
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(special))


def bytewise() -> Tokenizer:
    """A tokenizer of 256 bytes and two special tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<s>", special=True), AddedToken("</s>", special=True)])
    return tokenizer
