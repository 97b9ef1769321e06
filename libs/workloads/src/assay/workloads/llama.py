"""What work here has of transformers and peft, loaded without what it never uses; nobody else loads them.

A child is one process that compiles nothing. While the two are loaded, torch says that it is built for no cluster, what
they mark for its compiler stays as it is, and scipy, where it is installed, is out of reach: together more than a third
of what a child of a model took to start.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

import torch

from assay.schema.lazily import later, without

COMPILER: Final = "torch._dynamo"
MARKS: Final = ("allow_in_graph", "assume_constant_result", "disable")
"""What functions are decorated with, for a compiler that would otherwise look into them."""


class Plain(ModuleType):
    """A compiler each of whose marks leaves a function as it is."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in MARKS:
            raise AttributeError(f"module {self.__name__!r} has not been loaded")

        def mark(function: Any = None, *_: object, **__: object) -> Any:
            return function or mark

        return mark


@contextmanager
def lean() -> Iterator[None]:
    """Meanwhile, whoever is loaded, and any model, goes without clusters, the compiler and scipy."""
    if COMPILER in sys.modules:
        yield
        return
    is_available, torch.distributed.is_available = torch.distributed.is_available, lambda: False
    sys.modules[COMPILER] = torch._dynamo = Plain(COMPILER)
    try:
        with later(f"{COMPILER}._trace_wrapped_higher_order_op"), without("scipy"):
            yield
    finally:
        torch.distributed.is_available = is_available
        del sys.modules[COMPILER], torch._dynamo


with lean():
    # The first model that is made would load these two: by then somebody waits for it.
    import peft.utils.transformers_weight_conversion  # noqa: F401
    import torch.fx.experimental.symbolic_shapes
    from peft import LoraConfig, inject_adapter_in_model
    from transformers import (
        AttentionInterface,
        AutoConfig,
        AutoModelForCausalLM,
        GenerationConfig,
        PreTrainedTokenizerFast,
    )
    from transformers.integrations.sdpa_attention import sdpa_attention_forward
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb
    from transformers.utils import chat_template_utils, logging

__all__ = [
    "AttentionInterface",
    "AutoConfig",
    "AutoModelForCausalLM",
    "GenerationConfig",
    "LoraConfig",
    "PreTrainedTokenizerFast",
    "apply_rotary_pos_emb",
    "be_deterministic",
    "chat_template_utils",
    "inject_adapter_in_model",
    "logging",
    "sdpa_attention_forward",
]


def be_deterministic(threads: int) -> None:
    """Compute on so many threads from now on, and refuse a kernel whose bits are left to chance.

    `torch.use_deterministic_algorithms` would load the compiler, to tell it too: a second of a core.
    """
    torch.set_deterministic_debug_mode("error")
    torch.set_num_threads(threads)
