"""Some sequences and heads of a fused attention, computed again from committed inputs.

Attention mixes positions, but never sequences, nor heads that share no keys. Each pair of a sequence and a group of
heads with the same keys is a block of its own, forward and backward.

The gradients of queries and keys are sums that cancel almost wholly where values are alike. Honest rounding is then
large beside what is left, and is measured against what was summed.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node

# The arguments before the options: query, key, value; backward begins with the gradient and goes on with the results.
TENSORS_FORWARD, TENSORS_BACKWARD = 3, 6


def blocks_total(node: Node) -> int:
    """Return how many blocks an attention has; 0 if it must be computed as a whole."""
    if node.kwargs.get("attn_mask") is not None:
        return 0
    return math.prod(key_of(node).meta["val"].shape[:2])


def key_of(node: Node) -> Node:
    """Return the keys' node."""
    key = node.args[2 if is_backward(node) else 1]
    assert isinstance(key, Node)
    return key


def is_backward(node: Node) -> bool:
    """Whether an attention is the backward one."""
    return "backward" in str(node.target)


def take_arguments(node: Node, args: Any, blocks: Tensor) -> list[Any]:
    """Return the arguments of an attention with only these blocks in them."""
    count = TENSORS_BACKWARD if is_backward(node) else TENSORS_FORWARD
    groups = key_of(node).meta["val"].shape[1]
    return [take_blocks(arg, groups, blocks) for arg in args[:count]] + list(args[count:])


def take_blocks(tensor: Tensor, groups: int, blocks: Tensor) -> Tensor:
    """Return blocks of a tensor (sequences, heads, ...) as (blocks, heads of a group, ...)."""
    grouped: Tensor = torch.unflatten(tensor, 1, (groups, -1))
    return torch.stack([grouped[divmod(block, groups)] for block in blocks.tolist()])


def summed_backward(args: Any, scale: float | None) -> list[float]:
    """Return the largest size of what the gradients of queries, keys and values sum up, in blocks of float64."""
    gradient, query, key, value, result, log_sum, _, is_causal, *_ = args
    factor = scale or 1 / math.sqrt(query.shape[-1])
    scores = query @ key.mT * factor
    if is_causal:
        scores = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -math.inf)
    weights = torch.exp(scores - log_sum.unsqueeze(-1))
    of_scores = weights * (gradient.abs() @ value.abs().mT + (gradient * result).abs().sum(-1, keepdim=True)) * factor
    sums = of_scores @ key.abs(), of_scores.mT @ query.abs(), weights.mT @ gradient.abs()
    return [float(each.max()) for each in sums]
