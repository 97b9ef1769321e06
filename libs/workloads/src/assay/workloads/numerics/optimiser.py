"""AdamW (Loshchilov and Hutter 2019) and gradient clipping, in separate multiplications and additions.

Torch's own steps use fused kernels that may contract to a fused multiply-add. The factors that depend on the step are
Python floats made from products and one root, all of them rounded the same everywhere; `**` of the C library is not.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import torch
from torch import Tensor

from assay.workloads.numerics.chunks import flatwise, pieces
from assay.workloads.numerics.primitives import is_recorded, root, single
from assay.workloads.numerics.sums import tree_of, tree_sum


def raise_to(base: float, exponent: int) -> float:
    """Return a power by squaring: products alone, in an order that is fixed."""
    result = 1.0
    while exponent:
        if exponent & 1:
            result *= base
        base, exponent = base * base, exponent >> 1
    return result


def adamw_factors(
    step: int, rate: float, betas: tuple[float, float], eps: float, weight_decay: float
) -> tuple[float, ...]:
    """Return the factors of a step, which counts from 1, as float32 values: those of DEPENDENT are its own."""
    b1, b2 = betas
    correction = 1 / math.sqrt(1 - raise_to(b2, step))
    factors = (b1, 1 - b1, b2, 1 - b2, 1 - rate * weight_decay, correction, eps, rate / (1 - raise_to(b1, step)))
    return tuple(map(single, factors))


DEPENDENT: Final = (4, 5, 7)
"""Which factors depend on the step: the decay, the correction of the second moment, the rate."""


@torch.no_grad()
def adamw_step(parameter: Tensor, gradient: Tensor, first: Tensor, second: Tensor, factors: Sequence[Any]) -> None:
    """Move a parameter and its two moments in place by the factors of a step (`adamw_factors`)."""
    if is_recorded():
        move(parameter, gradient, first, second, factors)
        return
    p, g, m, v = (each.view(-1) for each in (parameter, gradient.contiguous(), first, second))
    for part in pieces(parameter.numel(), 1):
        move(p[part], g[part], m[part], v[part], factors)


def move(p: Tensor, g: Tensor, m: Tensor, v: Tensor, factors: Sequence[Any]) -> None:
    """Apply one step to a piece."""
    keep_m, take_m, keep_v, take_v, decay, correction, eps, rate = factors
    m.mul_(keep_m).add_(g * take_m)
    v.mul_(keep_v).add_((g * g).mul_(take_v))
    scale = root(v).mul_(correction).add_(eps)
    p.mul_(decay).sub_((m * rate).div_(scale))


class AdamW(torch.optim.Optimizer):
    """AdamW with the arguments of torch's, of which `amsgrad` and its like are not there."""

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient."""
        assert closure is None, "a step is taken once, after the gradients"
        for group in self.param_groups:
            for parameter in (p for p in group["params"] if p.grad is not None):
                self._move(parameter, group)

    def _move(self, parameter: Tensor, group: dict[str, Any]) -> None:
        assert parameter.grad is not None
        state = self.state[parameter]
        if not state:
            state |= {"step": 0, "exp_avg": torch.zeros_like(parameter), "exp_avg_sq": torch.zeros_like(parameter)}
        state["step"] += 1
        rest = group["lr"], group["betas"], group["eps"], group["weight_decay"]
        adamw_step(
            parameter, parameter.grad, state["exp_avg"], state["exp_avg_sq"], adamw_factors(state["step"], *rest)
        )


@torch.no_grad()
def clip_gradients(parameters: Iterable[Tensor], norm_max: float) -> Tensor:
    """Return the norm of all gradients together, and scale them in place to `norm_max` if it is larger."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    squares = [tree_sum(flatwise(lambda g: g * g, g).reshape(-1)).reshape(()) for g in gradients]
    norm = root(tree_of(squares))
    share = torch.full((), single(norm_max), device=norm.device) / (norm + single(1e-6))
    factor = torch.where(share < 1.0, share, 1.0)
    for gradient in gradients:
        gradient.mul_(factor)
    return norm
