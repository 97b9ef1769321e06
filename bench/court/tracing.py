"""What a party spends on a disputed step: the step run once more, every primitive written down, every output rooted."""

import time
from dataclasses import dataclass
from typing import Any, Final

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from assay.proof.court.tree import Shape, root_of_tensor
from assay.workloads.numerics import AdamW, Generator, initialise, trace
from assay.workloads.numerics.lowering import operation_of
from bench.numerics.model import LAYERS, exact_step
from bench.numerics.steps import cpu_s

WIDTH, TOKENS, VOCABULARY, HEAD = 256, 128, 256, 64
HASHED_BYTES: Final = 4 << 20


@dataclass(frozen=True)
class Traced:
    """A traced step beside the plain one: how many operators, how many bytes they put out, how many times the time."""

    operators: int
    output_bytes: int
    over_step: float


def measure_traced() -> Traced:
    """A Llama of two layers, narrower than that of the other figures: a traced step keeps every output in memory."""
    torch.set_num_threads(1)
    model = build()
    optimiser = AdamW(model.parameters())
    tokens = (torch.arange(TOKENS) * 7919 % VOCABULARY).view(1, TOKENS)

    def step() -> float:
        return exact_step(model, optimiser, tokens)

    step()
    step_s = min(cpu_s(step) for _ in range(3))
    begun = time.process_time()
    found = trace(step)
    traced_s = time.process_time() - begun
    size = sum(operation_of(op, found).shape.rows * operation_of(op, found).shape.row_bytes for op in found.ops)
    return Traced(len(found.ops), size, (traced_s + size * root_s_per_byte()) / step_s)


def build() -> LlamaForCausalLM:
    """The model, filled from integers."""
    heads = {"num_attention_heads": WIDTH // HEAD, "num_key_value_heads": WIDTH // HEAD}
    shape: dict[str, Any] = {
        "hidden_size": WIDTH,
        "intermediate_size": WIDTH * 8 // 3 // HEAD * HEAD,
        "num_hidden_layers": LAYERS,
    }
    model = LlamaForCausalLM(
        LlamaConfig(**shape, **heads, vocab_size=VOCABULARY, max_position_embeddings=TOKENS, tie_word_embeddings=False)
    )
    initialise(model, Generator(1))
    return model


def root_s_per_byte() -> float:
    """Processor seconds for each byte of a tensor whose root is taken."""
    shape = Shape(HASHED_BYTES // 4096, 1024)
    data = bytes(HASHED_BYTES)
    begun = time.process_time()
    root_of_tensor(shape, data)
    return (time.process_time() - begun) / HASHED_BYTES
