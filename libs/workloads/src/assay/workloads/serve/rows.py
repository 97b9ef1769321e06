"""The model over several sequences at once, such that each gets the same numbers whatever the others are.

Two things would let one sequence change another's rounding: products whose kernel is chosen by how many rows there
are, and attention over sequences padded to one length. So a step always has the job's full number of rows, empty ones
included, and each sequence attends alone, over its own keys and values at their own length; a prompt is read alone.
Only the weights are shared by a step's rows, which is what makes steps of many rows cheap.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from assay.workloads.generate.engine import Engine
from assay.workloads.generate.layers import forward, look


class Held:
    """The keys and values of one sequence, by layer, with room for all the tokens that it may come to."""

    def __init__(self, layers: int, capacity: int) -> None:
        self._held: list[Tensor | None] = [None] * layers
        self._capacity = capacity
        self.length = 0

    def put(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keep what follows (heads, tokens, numbers) in a layer; return all of the layer so far, one row each."""
        end = self.length + keys.shape[1]
        held = self._held[layer]
        if held is None:
            held = keys.new_empty((2, keys.shape[0], self._capacity, keys.shape[2]))
            self._held[layer] = held
        held[0, :, self.length : end], held[1, :, self.length : end] = keys, values
        return held[0:1, :, :end], held[1:2, :, :end]


@torch.no_grad()
def read_prompt(engine: Engine, tokens: Sequence[int], capacity: int) -> tuple[Held, Tensor]:
    """Return what is held of a sequence that begins with these tokens, and their last states (tokens, width)."""
    held = Held(len(engine.trunk.layers), capacity)

    def attend(layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        held.put(layer, keys[0], values[0])
        return look(queries, keys, values, is_causal=True)

    read = torch.tensor([list(tokens)], device=engine.device)
    states = forward(engine.trunk, read, torch.arange(len(tokens), device=engine.device)[None], attend)
    held.length = len(tokens)
    return held, states[0]


@torch.no_grad()
def read_step(engine: Engine, tokens: Sequence[int], rows: Sequence[Held | None]) -> Tensor:
    """Return the last states (rows, width) after one more token of each row; those of empty rows mean nothing."""

    def attend(layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        seen = torch.zeros_like(queries)
        for row, held in enumerate(rows):
            if held is not None:
                own = held.put(layer, keys[row], values[row])
                seen[row : row + 1] = look(queries[row : row + 1], *own, is_causal=False)
        return seen

    places = [[held.length if held is not None else 0] for held in rows]
    read = torch.tensor(tokens, device=engine.device)[:, None]
    states = forward(engine.trunk, read, torch.tensor(places, device=engine.device), attend)
    for held in rows:
        if held is not None:
            held.length += 1
    return states[:, 0]
