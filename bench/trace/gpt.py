"""A GPT that is trained whole: the model of the benchmark, with its next-token loss."""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HEAD_WIDTH: Final = 64


class Block(nn.Module):
    """Attention and a feed-forward layer, each behind a norm and beside a residual."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_in, self.norm_out = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, states: Tensor) -> Tensor:
        """The states after this block."""
        rows, length, width = states.shape
        parts = self.qkv(self.norm_in(states)).split(width, 2)
        query, key, value = (part.view(rows, length, -1, HEAD_WIDTH).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        states = states + self.out(mixed.transpose(1, 2).reshape(rows, length, width))
        changed: Tensor = states + self.down(F.gelu(self.up(self.norm_out(states))))
        return changed


class GPT(nn.Module):
    """The loss of windows of tokens; with `half`, products are computed in bfloat16."""

    def __init__(self, width: int, layers: int, length: int, vocabulary: int = 512, half: bool = False) -> None:
        super().__init__()
        self.half_precision = half
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Parameter(torch.randn(length, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

    def forward(self, windows: Tensor) -> Tensor:
        """The mean loss of windows (rows, L + 1)."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half_precision):
            states = self.tokens(windows[:, :-1]) + self.places
            for block in self.blocks:
                states = block(states)
            logits = self.head(self.norm(states))
        return F.cross_entropy(logits.float().flatten(0, 1), windows[:, 1:].flatten())
