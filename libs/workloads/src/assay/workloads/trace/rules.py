"""How each operator is checked: one row a name, and a way for those without one.

PRODUCT   by Freivalds: against a random vector, never multiplied again
POINTWISE each element depends on the elements at its own place: some rows are computed again
ROWWISE   each row depends on its own row: some rows are computed again
BLOCKWISE each sequence and head depends on itself alone: some of them are computed again
VIEW      the same numbers under another shape; nothing to commit, nothing to check
MOVE      numbers copied, rounded to another type, or made of constants, exactly alike on every machine: the checker
          makes them itself, so nothing is committed
WHOLE     computed again as a whole: what is left, if it is pure
"""

import operator
from enum import Enum
from typing import Any

import torch
from torch.fx import Node

from assay.workloads.trace.errors import UnknownOperator


class Rule(Enum):
    """How an operator is checked."""

    PRODUCT = "product"
    POINTWISE = "pointwise"
    ROWWISE = "rowwise"
    BLOCKWISE = "blockwise"
    VIEW = "view"
    MOVE = "move"
    WHOLE = "whole"


NAMES: dict[Rule, str] = {
    Rule.PRODUCT: "mm bmm addmm baddbmm",
    Rule.POINTWISE: """add sub mul div neg abs pow sqrt rsqrt reciprocal exp log sin cos tanh sigmoid silu gelu relu
        square clamp minimum maximum where masked_fill addcmul addcdiv lerp rsub silu_backward gelu_backward
        tanh_backward sigmoid_backward threshold_backward""",
    Rule.ROWWISE: """mean sum amax logsumexp _softmax _log_softmax _softmax_backward_data _log_softmax_backward_data
        native_layer_norm""",
    Rule.VIEW: """view _unsafe_view reshape transpose t permute expand slice split split_with_sizes select unsqueeze
        squeeze detach alias""",
    Rule.MOVE: """clone _to_copy lift_fresh_copy cat stack embedding gather index index_select slice_backward
        select_backward constant_pad_nd arange full full_like zeros zeros_like ones ones_like new_zeros new_ones
        new_full scalar_tensor tril triu repeat""",
    Rule.BLOCKWISE: """_scaled_dot_product_flash_attention_for_cpu
        _scaled_dot_product_flash_attention_for_cpu_backward""",
    Rule.WHOLE: """native_layer_norm_backward embedding_dense_backward index_put scatter scatter_add cumsum
        nll_loss_forward nll_loss_backward""",
}
RULES: dict[str, Rule] = {name: rule for rule, names in NAMES.items() for name in names.split()}


def rule_of(target: Any) -> Rule:
    """Return how an operator is checked. Raises UnknownOperator for one that cannot even be computed again."""
    if target is operator.getitem:
        return Rule.VIEW
    if not isinstance(target, torch._ops.OpOverload):
        raise UnknownOperator(f"{target} is no operator of torch.")
    space, _, name = target._schema.name.partition("::")
    if space == "aten" and name in RULES:
        return RULES[name]
    if space != "aten" or target._schema.is_mutable or torch.Tag.nondeterministic_seeded in target.tags:
        raise UnknownOperator(f"{target} is random, writes in place, or is not torch's own.")
    return Rule.WHOLE


def is_view(target: Any) -> bool:
    """Whether an operator's result is the same memory."""
    return rule_of(target) is Rule.VIEW if not writes_in_place(target) else False


def writes_in_place(target: Any) -> bool:
    """Whether an operator changes one of its inputs."""
    return isinstance(target, torch._ops.OpOverload) and target._schema.is_mutable


def is_float(node: Node) -> bool:
    """Whether a node holds one tensor of floating-point numbers."""
    value = node.meta["val"]
    return isinstance(value, torch.Tensor) and value.is_floating_point()
