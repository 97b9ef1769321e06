"""First values of weights: drawn from integers, for torch's own initialiser differs between instruction sets."""

import torch
from torch import Tensor, nn

from assay.workloads.numerics.generator import Generator
from assay.workloads.numerics.primitives import single


@torch.no_grad()
def normal_(weight: Tensor, generator: Generator, deviation: float) -> None:
    """Fill a weight with normal numbers of mean 0."""
    weight.copy_(generator.normal(*weight.shape, device=weight.device) * single(deviation))


@torch.no_grad()
def initialise(model: nn.Module, generator: Generator, deviation: float = 0.02) -> None:
    """Fill a whole model, its parameters in name order: matrices normal, weights of norms one, biases zero.

    Matrices are those with two axes or more; a vector named `bias` becomes zero, any other one.
    """
    for name, parameter in sorted(model.named_parameters()):
        if parameter.dim() > 1:
            normal_(parameter, generator, deviation)
        else:
            parameter.fill_(0.0 if name.endswith("bias") else 1.0)
