"""The model that is timed and hashed, and one step of its training in both ways."""

from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from assay.workloads.numerics import Generator, exact, initialise

BATCH, LENGTH, VOCABULARY, LAYERS, HEAD = 4, 256, 4096, 2, 64


def build(width: int) -> Any:
    """A model of this width, filled from integers."""
    heads = {"num_attention_heads": width // HEAD, "num_key_value_heads": width // HEAD}
    shape = {"hidden_size": width, "intermediate_size": width * 8 // 3 // HEAD * HEAD, "num_hidden_layers": LAYERS}
    model = LlamaForCausalLM(
        LlamaConfig(**shape, **heads, vocab_size=VOCABULARY, max_position_embeddings=LENGTH, tie_word_embeddings=False)
    )
    initialise(model, Generator(1))
    return model


def exact_step(model: Any, optimiser: Any, tokens: torch.Tensor) -> float:
    """The loss of one exact step."""
    with exact(model):
        loss = model(input_ids=tokens, labels=tokens, use_cache=False).loss
    loss.backward()
    optimiser.step()
    optimiser.zero_grad()
    return float(loss.item())


def native_step(model: Any, optimiser: Any, tokens: torch.Tensor) -> float:
    """The loss of one step with torch's own operators."""
    loss = model(input_ids=tokens, labels=tokens, use_cache=False).loss
    loss.backward()
    optimiser.step()
    optimiser.zero_grad()
    return float(loss.item())
