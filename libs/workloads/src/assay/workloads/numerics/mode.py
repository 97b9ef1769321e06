"""A model run with exact operators without being rewritten: torch's functions are replaced while it runs.

A function that computes with floating-point numbers either has an exact form, or is elementwise or moves elements and
so is exact as it stands, backward too; any other is refused, so that a model is exact or does not run. Functions of
integers alone are exact by nature. Two modules are replaced whole: a rotary embedding, since its sines are a library's,
and RMSNorm, which models spell out.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from assay.workloads.numerics.forms import form_of
from assay.workloads.numerics.generator import Generator
from assay.workloads.numerics.norms import rms_norm
from assay.workloads.numerics.refusal import NotExact
from assay.workloads.numerics.rotary import rotary_table


class ExactMode(TorchFunctionMode):
    """Replaces torch's functions by their exact forms."""

    def __init__(self, generator: Generator | None) -> None:
        super().__init__()
        self.generator = generator

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Return what the exact form returns. Raises NotExact."""
        kwargs = kwargs or {}
        form = None
        if has_floats(args, kwargs):
            form = form_of(function.__name__, self.generator)
        result = (form or function)(*args, **kwargs)
        if isinstance(result, Tensor) and result.is_floating_point() and result.dtype != torch.float32:
            raise NotExact(f"`{function.__name__}` made {result.dtype}; exact numerics are float32.")
        return result


def has_floats(*arguments: Any) -> bool:
    """Whether there is a tensor of floating-point numbers among the arguments."""
    return any(isinstance(leaf, Tensor) and leaf.is_floating_point() for leaf in tree_leaves(arguments))


def run_rms_norm(module: Any, x: Tensor) -> Tensor:
    """Return the RMSNorm of a module as Llama's is."""
    with torch._C.DisableTorchFunction():
        return rms_norm(x, module.weight, module.variance_epsilon)


def run_rotary(module: Any, x: Tensor, position_ids: Tensor, **settings: Any) -> tuple[Tensor, Tensor]:
    """Return the tables of a module as Llama's rotary embedding is. Raises NotExact for stretched positions."""
    rope = module.config.rope_parameters
    if module.rope_type != "default" or settings:
        raise NotExact(f"There is no exact form of rotary embeddings of type {module.rope_type}.")
    with torch._C.DisableTorchFunction():
        return rotary_table(position_ids, float(rope["rope_theta"]), 2 * len(module.inv_freq))


# By the end of a class's name: what it must have, and what runs instead.
MODULES: Final[dict[str, tuple[str, Callable[..., Any]]]] = {
    "RMSNorm": ("variance_epsilon", run_rms_norm),
    "RotaryEmbedding": ("rope_type", run_rotary),
}


@contextmanager
def exact(model: nn.Module, generator: Generator | None = None) -> Iterator[nn.Module]:
    """Run the model with exact operators within this context; what is computed there has exact gradients, too.

    `generator` is where dropout draws from. Raises NotExact for what has no exact form.
    """
    check_machine()
    modules = list(model.modules())
    configs = {id(module.config): module.config for module in modules if hasattr(module, "config")}
    with ExitStack() as stack:
        for module in modules:
            replace(module, stack)
        for config in configs.values():
            choose_attention(config, stack)
        stack.enter_context(ExactMode(generator))
        yield model


def replace(module: nn.Module, stack: ExitStack) -> None:
    """Let a module of MODULES run in its exact form until the stack closes."""
    for end, (needed, form) in MODULES.items():
        if type(module).__name__.endswith(end) and hasattr(module, needed):
            module.forward = partial(form, module)
            stack.callback(delattr, module, "forward")


def choose_attention(config: Any, stack: ExitStack) -> None:
    """Let a model that spells attention out on some devices ask for it in one word, until the stack closes."""
    if (before := getattr(config, "_attn_implementation", None)) is not None:
        config._attn_implementation = "sdpa"
        stack.callback(setattr, config, "_attn_implementation", before)


def check_machine() -> None:
    """Raise NotExact unless this machine keeps subnormal numbers, which IEEE-754 does and some libraries turn off."""
    torch.set_flush_denormal(False)
    tiny = torch.full((64,), 2.0**-126)
    if not bool(((tiny * 0.5) * 2.0 == tiny).all()):
        raise NotExact("This machine flushes subnormal numbers to zero.")
