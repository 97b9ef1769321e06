"""Next-token cross-entropy from the last hidden states, without keeping the logits.

The gradient that training needs is (softmax - one-hot) times the head; and times the states, for a head that is
trained. It is taken in the forward pass, one block of positions at a time, and the vocabulary-sized matrix is dropped
at once (the idea behind the fused losses of Liger Kernel and Cut Cross-Entropy, in plain torch).
"""

from typing import Any

import torch
from torch import Tensor

BLOCK = 512


class FrozenHeadLoss(torch.autograd.Function):
    """Mean loss over all positions; its gradient goes to the hidden states alone."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss (nats) of hidden (positions, width) against targets (positions)."""
        losses, gradients = [], []
        for states, wanted in zip(torch.split(hidden, BLOCK), torch.split(targets, BLOCK), strict=True):
            logits = states @ head.T
            norms = torch.logsumexp(logits, -1, keepdim=True)
            losses.append((norms - logits.gather(1, wanted[:, None])).sum())
            if ctx.needs_input_grad[0]:
                gradients.append(gradient_of_block(logits, norms, wanted, head))
        if gradients:
            ctx.save_for_backward(torch.cat(gradients).div_(len(targets)))
        return torch.stack(losses).sum() / len(targets)

    @staticmethod
    def backward(ctx: Any, *outputs: Any) -> Any:
        """Return the gradient with respect to the hidden states."""
        return ctx.saved_tensors[0] * outputs[0], None, None


class HeadLoss(torch.autograd.Function):
    """Mean loss over all positions under a head that is trained, too: the same blocks, and its gradient summed up."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss (nats) of hidden (positions, width) against targets (positions)."""
        losses, gradients, for_head = [], [], torch.zeros_like(head)
        for states, wanted in zip(torch.split(hidden, BLOCK), torch.split(targets, BLOCK), strict=True):
            logits = states @ head.T
            norms = torch.logsumexp(logits, -1, keepdim=True)
            losses.append((norms - logits.gather(1, wanted[:, None])).sum())
            gradients.append(gradient_of_block(logits, norms, wanted, head))
            # The logits hold the block's softmax less the one-hot by now.
            for_head.addmm_(logits.T, states)
        ctx.save_for_backward(torch.cat(gradients).div_(len(targets)), for_head.div_(len(targets)))
        return torch.stack(losses).sum() / len(targets)

    @staticmethod
    def backward(ctx: Any, *outputs: Any) -> Any:
        """Return the gradients with respect to the hidden states and the head."""
        for_hidden, for_head = ctx.saved_tensors
        return for_hidden * outputs[0], for_head * outputs[0], None


def gradient_of_block(logits: Tensor, norms: Tensor, wanted: Tensor, head: Tensor) -> Tensor:
    """Return (softmax - one-hot) @ head; overwrites the logits."""
    shares = logits.sub_(norms).exp_()
    shares[torch.arange(len(wanted), device=wanted.device), wanted] -= 1
    return shares @ head


def next_token_loss(hidden: Tensor, head: Tensor, windows: Tensor) -> Tensor:
    """Return the mean loss of hidden (rows, L, width) for windows (rows, L + 1), whose first tokens it has read."""
    loss: Tensor = FrozenHeadLoss.apply(  # type: ignore[no-untyped-call]
        hidden.flatten(0, 1), head, windows[:, 1:].flatten()
    )
    return loss
