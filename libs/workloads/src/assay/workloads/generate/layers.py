"""A Llama model's layers over packed tokens: whatever is one product for each token is one product for all of them.

Which token attends to which is left to the caller, so that one who reads several sequences can keep them apart.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from assay.workloads.llama import apply_rotary_pos_emb

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""`attend(layer, queries, keys, values)`, each (rows, heads, tokens, numbers): what they find, in their shape."""


def look(queries: Tensor, keys: Tensor, values: Tensor, sees: Tensor | None = None, *, is_causal: bool) -> Tensor:
    """Return what the queries attend to: all keys, those up to their own, or those that `sees` (queries, keys) names.

    Several heads of queries share one of keys.
    """
    found: Tensor = torch.nn.functional.scaled_dot_product_attention(
        queries, keys, values, attn_mask=sees, is_causal=is_causal, enable_gqa=True
    )
    return found


def forward(trunk: Any, tokens: Tensor, places: Tensor, attend: Attend) -> Tensor:
    """Return the last normalised states (rows, tokens, width) of a Llama model's layers."""
    states = trunk.embed_tokens(tokens)
    cos, sin = trunk.rotary_emb(states, places)
    for number, layer in enumerate(trunk.layers):
        attention, normed = layer.self_attn, layer.input_layernorm(states)
        projections = (attention.q_proj, attention.k_proj, attention.v_proj)
        split = (*tokens.shape, -1, attention.head_dim)
        queries, keys, values = (each(normed).view(split).transpose(1, 2) for each in projections)
        queries, keys = apply_rotary_pos_emb(queries, keys, cos, sin)
        seen = attend(number, queries, keys, values).transpose(1, 2).reshape(*tokens.shape, -1)
        states = states + attention.o_proj(seen)
        states = states + layer.mlp(layer.post_attention_layernorm(states))
    last: Tensor = trunk.norm(states)
    return last
