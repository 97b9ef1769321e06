"""Sequences read at once, what several begin with only once: a causal model says the same of it in each.

In the order of their tokens each sequence shares most with the one before it, so it adds what follows that. Nothing is
padded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from assay.workloads.generate.layers import forward, look

Tokens = Sequence[int]


@dataclass(frozen=True)
class Path:
    """Where a sequence's tokens stand among the packed ones; those from `own` on are read for it first."""

    nodes: tuple[int, ...]
    own: int


@dataclass(frozen=True)
class Packed:
    """The tokens to read, each token's place in its sequences, and the path of every sequence, in the order given."""

    tokens: tuple[int, ...]
    places: tuple[int, ...]
    paths: tuple[Path, ...]


def pack(sequences: Sequence[Tokens]) -> Packed:
    """Return sequences packed; of equal beginnings there is one."""
    tokens: list[int] = []
    places: list[int] = []
    paths: dict[int, Path] = {}
    before: Tokens = ()
    nodes: tuple[int, ...] = ()
    for at in sorted(range(len(sequences)), key=lambda at: list(sequences[at])):
        sequence = sequences[at]
        shared = shared_by(before, sequence)
        nodes = (*nodes[:shared], *range(len(tokens), len(tokens) + len(sequence) - shared))
        tokens += sequence[shared:]
        places += range(shared, len(sequence))
        paths[at], before = Path(nodes, shared), sequence
    return Packed(tuple(tokens), tuple(places), tuple(paths[at] for at in range(len(sequences))))


def shared_by(one: Tokens, other: Tokens) -> int:
    """Return how many tokens two sequences begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def read_packed(trunk: Any, packed: Packed, since: Sequence[int], device: torch.device) -> list[Tensor]:
    """Return for each sequence the last states (tokens, width) of a Llama model's layers, of its tokens from there on.

    Those before are not copied: of one beginning that many share there would be as many.
    """
    paths = [torch.tensor(path.nodes, device=device) for path in packed.paths]
    owns = [path.own for path in packed.paths]
    looks = [(path, own, sees_of(len(path), own, device)) for path, own in zip(paths, owns, strict=True)]

    def attend(_: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        found = torch.empty_like(queries)
        for path, own, sees in looks:
            asked = queries[:, :, path[own:]]
            found[:, :, path[own:]] = look(asked, keys[:, :, path], values[:, :, path], sees, is_causal=sees is None)
        return found

    tokens, places = (torch.tensor(each, device=device)[None] for each in (packed.tokens, packed.places))
    states = forward(trunk, tokens, places, attend)[0]
    return [states[path[first:]] for path, first in zip(paths, since, strict=True)]


def sees_of(length: int, own: int, device: torch.device) -> Tensor | None:
    """Return which of a sequence's tokens each of those from `own` on sees; None if they are all: up to itself."""
    return torch.ones(length - own, length, dtype=torch.bool, device=device).tril(own) if own else None
