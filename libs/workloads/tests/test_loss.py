"""The fused loss against torch's own."""

import pytest
import torch
from torch.nn import functional

from assay.workloads.loss import BLOCK, next_token_loss


@pytest.mark.parametrize("positions", [1, 7, BLOCK, BLOCK + 3])
def test_loss_and_gradient_are_those_of_cross_entropy(positions: int) -> None:
    torch.manual_seed(positions)
    head, hidden = torch.randn(50, 8), torch.randn(2, positions, 8, requires_grad=True)
    windows = torch.randint(50, (2, positions + 1))
    ours = next_token_loss(hidden, head, windows)
    (gradient,) = torch.autograd.grad(ours, hidden)
    theirs = functional.cross_entropy((hidden @ head.T).flatten(0, 1), windows[:, 1:].flatten())
    (expected,) = torch.autograd.grad(theirs, hidden)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(gradient, expected)
