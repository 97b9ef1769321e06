"""One step of AdamW (Loshchilov and Hutter 2019): the rate by the job's schedule, gradients clipped if it asks so."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from assay.workloads.checkpoint import FIRST, SECOND
from assay.workloads.errors import Diverged
from assay.workloads.finetune import FinetuneParams
from assay.workloads.numerics import adamw_step, clip_gradients
from assay.workloads.numerics.optimiser import adamw_factors
from assay.workloads.numerics.schedules import constant, cosine, linear, warm

BETA_FIRST, BETA_SECOND = 0.9, 0.999
# Below the gradients that matter (1e-4), far above their rounding (1e-10). With the usual 1e-8 the first steps move a
# weight by the sign of a gradient that is zero but for rounding, and honest machines end twenty times further apart.
EPSILON = 1e-5
SCHEDULES = {"constant": constant, "linear": linear, "cosine": cosine}

Moments = Mapping[str, Mapping[str, Tensor]]


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
    with torch.no_grad():
        norm = clip(params, trained) if params.clip_norm else 0.0
        if not math.isfinite(norm):
            raise Diverged(f"The gradient was not finite at step {step}.")
        for name, parameter in trained.items():
            update(params, parameter, moments[FIRST][name], moments[SECOND][name], step)
    return norm


def clip(params: FinetuneParams, trained: Mapping[str, nn.Parameter]) -> float:
    """Return the norm of all gradients together; they are scaled in place to the job's, if it is larger."""
    assert params.clip_norm is not None
    if params.numerics == "exact":
        return clip_gradients(trained.values(), params.clip_norm).item()
    return nn.utils.clip_grad_norm_(trained.values(), params.clip_norm, foreach=False).item()


def factors_of(params: FinetuneParams, step: int) -> tuple[float, ...]:
    """Return what exact numerics multiply by at this step."""
    rate = learning_rate(params, step)
    return adamw_factors(step + 1, rate, (BETA_FIRST, BETA_SECOND), EPSILON, params.weight_decay)


def update(params: FinetuneParams, parameter: nn.Parameter, first: Tensor, second: Tensor, step: int) -> None:
    """Move one tensor by its gradient, in place, and drop the gradient."""
    gradient, rate = parameter.grad, learning_rate(params, step)
    assert gradient is not None
    parameter.grad = None
    if params.numerics == "exact":
        betas = BETA_FIRST, BETA_SECOND
        adamw_step(parameter, gradient, first, second, step + 1, rate, betas, EPSILON, params.weight_decay)
        return
    first.mul_(BETA_FIRST).add_(gradient, alpha=1 - BETA_FIRST)
    second.mul_(BETA_SECOND).addcmul_(gradient, gradient, value=1 - BETA_SECOND)
    scale = second.sqrt().div_(math.sqrt(1 - BETA_SECOND ** (step + 1))).add_(EPSILON)
    parameter.mul_(1 - rate * params.weight_decay)
    parameter.addcdiv_(first, scale, value=-rate / (1 - BETA_FIRST ** (step + 1)))
