"""One step of AdamW (Loshchilov and Hutter 2019): the rate by the job's schedule, gradients clipped if it asks so.

Training takes its steps by these functions, and the court traces them: what is judged is what was done.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from assay.workloads.base_model import AdaptedModel
from assay.workloads.checkpoint import FIRST, SECOND
from assay.workloads.errors import Diverged
from assay.workloads.finetune import FinetuneParams
from assay.workloads.forward import Batch, loss_of
from assay.workloads.numerics import adamw_factors, adamw_step, clip_gradients
from assay.workloads.numerics.primitives import single
from assay.workloads.numerics.schedules import constant, cosine, linear, warm

BETA_FIRST, BETA_SECOND = 0.9, 0.999
# Below the gradients that matter (1e-4), far above their rounding (1e-10). With the usual 1e-8 the first steps move a
# weight by the sign of a gradient that is zero but for rounding, and honest machines end twenty times further apart.
EPSILON = 1e-5
SCHEDULES = {"constant": constant, "linear": linear, "cosine": cosine}

Moments = Mapping[str, Mapping[str, Tensor]]
Move = Callable[[Tensor, Tensor, Tensor, Tensor], None]
"""Moves a parameter by its gradient, with its two moments, in place."""


def learning_rate(params: FinetuneParams, step: int) -> float:
    """Return the rate at this step: rising in a line while it warms up, then by the schedule to the job's end."""
    if step < params.warmup_steps:
        return warm(params.learning_rate, step, params.warmup_steps)
    past = params.warmup_steps
    return SCHEDULES[params.schedule](params.learning_rate, step - past, params.steps - past)


def update_all(params: FinetuneParams, trained: Mapping[str, nn.Parameter], moments: Moments, step: int) -> float:
    """Move all that is trained by its gradients, in place, and return their norm (0 unless the job clips).

    Raises Diverged if the norm is not finite.
    """
    found = clip(params, trained)
    norm = 0.0 if found is None else found.item()
    if not math.isfinite(norm):
        raise Diverged(f"The gradient was not finite at step {step}.")
    move_all(trained, moments, move_of(params, step))
    return norm


def add_gradients(
    params: FinetuneParams, adapted: AdaptedModel, batches: Iterable[Batch], count: int
) -> Iterator[tuple[Tensor, float]]:
    """Add up the gradients of a step's batches; yield the mean loss of each and its share of all `count` tokens."""
    for batch in batches:
        share = batch.count / count
        loss = loss_of(params, adapted, batch)
        (loss if share == 1 else loss * single(share)).backward()
        yield loss, share


def clip(params: FinetuneParams, trained: Mapping[str, nn.Parameter]) -> Tensor | None:
    """Return the norm of all gradients together; they are scaled in place to the job's, if it is larger. Or None."""
    if not params.clip_norm:
        return None
    with torch.no_grad():
        if params.numerics == "exact":
            return clip_gradients(trained.values(), params.clip_norm)
        return nn.utils.clip_grad_norm_(trained.values(), params.clip_norm, foreach=False)


def move_all(trained: Mapping[str, nn.Parameter], moments: Moments, move: Move) -> None:
    """Move each tensor by its gradient, in place, and drop the gradient."""
    with torch.no_grad():
        for name, parameter in trained.items():
            gradient = parameter.grad
            assert gradient is not None
            parameter.grad = None
            move(parameter, gradient, moments[FIRST][name], moments[SECOND][name])


def move_of(params: FinetuneParams, step: int) -> Move:
    """Return how a tensor and its moments are moved by a gradient at this step."""
    if params.numerics == "exact":
        return exactly(factors_of(params, step))
    return partial(move_natively, params, step, learning_rate(params, step))


def exactly(factors: Sequence[Any]) -> Move:
    """Return how exact numerics move a tensor by these factors."""
    return partial(adamw_step, factors=factors)


def factors_of(params: FinetuneParams, step: int) -> tuple[float, ...]:
    """Return what exact numerics multiply by at this step."""
    rate = learning_rate(params, step)
    return adamw_factors(step + 1, rate, (BETA_FIRST, BETA_SECOND), EPSILON, params.weight_decay)


def move_natively(
    params: FinetuneParams, step: int, rate: float, parameter: Tensor, gradient: Tensor, first: Tensor, second: Tensor
) -> None:
    """Move one tensor by torch's own operations."""
    first.mul_(BETA_FIRST).add_(gradient, alpha=1 - BETA_FIRST)
    second.mul_(BETA_SECOND).addcmul_(gradient, gradient, value=1 - BETA_SECOND)
    scale = second.sqrt().div_(math.sqrt(1 - BETA_SECOND ** (step + 1))).add_(EPSILON)
    parameter.mul_(1 - rate * params.weight_decay)
    parameter.addcdiv_(first, scale, value=-rate / (1 - BETA_FIRST ** (step + 1)))
