"""Mean cross-entropy against class indices, forward and backward."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from assay.workloads.numerics.attention import softmax_rows
from assay.workloads.numerics.chunks import by_rows
from assay.workloads.numerics.elementary import exp_down, log
from assay.workloads.numerics.fixed import fix, fix_once, product_nn, product_nt
from assay.workloads.numerics.primitives import divide, row_max
from assay.workloads.numerics.sums import tree_sum

IGNORED = -100
# Positions whose logits are there at once: 100 MB of them for a vocabulary of 50,000.
BLOCK = 256


def row_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Return log(sum(e^(z - max))) - (z[target] - max) of every row [N, 1]."""
    shifted = logits - row_max(logits)
    return log(tree_sum(exp_down(shifted))) - shifted.gather(1, targets)


def row_gradients(logits: Tensor, targets: Tensor) -> Tensor:
    """Return softmax - one-hot."""
    shares = softmax_rows(logits)
    return shares.scatter(1, targets, shares.gather(1, targets) - 1.0)


class CrossEntropy(Function):
    """The mean over the rows whose target is not IGNORED."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss (nats) of logits [N, V] against targets [N]."""
        is_kept = targets != IGNORED
        ctx.kept = None if bool(is_kept.all()) else is_kept[:, None]
        places = (targets if ctx.kept is None else targets.clamp_min(0))[:, None]
        ctx.save_for_backward(logits, places)
        ctx.count = float(is_kept.sum())
        losses = by_rows(row_losses, logits, places)
        if ctx.kept is not None:
            losses = torch.where(ctx.kept, losses, 0.0)
        return divide(tree_sum(losses, 0).reshape(()), ctx.count)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of the logits."""
        logits, places = ctx.saved_tensors
        factor = divide(gradients[0], ctx.count)
        g = by_rows(lambda z, at: row_gradients(z, at).mul_(factor), logits, places)
        return (g if ctx.kept is None else torch.where(ctx.kept, g, 0.0)), None


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy (nats) of logits [N, V] against targets [N]; targets of -100 do not count."""
    y: Tensor = CrossEntropy.apply(logits, targets)  # type: ignore[no-untyped-call]
    return y


class FrozenHeadLoss(Function):
    """The mean loss from the last hidden states under a frozen head; only a block's logits exist at a time."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss (nats) of hidden [N, D] under head [V, D] against targets [N]."""
        fixed, losses, gradients = fix_once(head), [], []
        for states, places in zip(hidden.split(BLOCK), targets[:, None].split(BLOCK), strict=True):
            logits = product_nt(fix(states), fixed)
            losses.append(by_rows(row_losses, logits, places))
            if ctx.needs_input_grad[0]:
                gradients.append(product_nn(by_rows(row_gradients, logits, places), fixed))
        if gradients:
            ctx.save_for_backward(divide(torch.cat(gradients), float(len(targets))))
        return divide(tree_sum(torch.cat(losses), 0).reshape(()), float(len(targets)))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient of the hidden states."""
        return ctx.saved_tensors[0] * gradients[0], None, None
