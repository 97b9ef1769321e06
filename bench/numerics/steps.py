"""A Llama of two layers trained on 1,024 tokens a step, forward, backward and AdamW, at two widths.

The time is the processor's, of one thread, the least of some rounds that take turns; weights are fixed once a step.
"""

import copy
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from assay.workloads.numerics import AdamW, Generator, exact, initialise
from bench.result import Result

WIDTHS: Final = (512, 1024)
SLOWDOWN_MAX: Final = {512: 3.3, 1024: 2.7}
ROUNDS: Final = 3
BATCH, LENGTH, VOCABULARY, LAYERS, HEAD = 4, 256, 4096, 2, 64


def build(width: int) -> Any:
    """A model of this width, filled from integers."""
    heads = {"num_attention_heads": width // HEAD, "num_key_value_heads": width // HEAD}
    shape = {"hidden_size": width, "intermediate_size": width * 8 // 3 // HEAD * HEAD, "num_hidden_layers": LAYERS}
    model = LlamaForCausalLM(
        LlamaConfig(**shape, **heads, vocab_size=VOCABULARY, max_position_embeddings=LENGTH, tie_word_embeddings=False)
    )
    initialise(model, Generator(1))
    return model


def exact_step(model: Any, optimiser: Any, tokens: torch.Tensor) -> float:
    """The loss of one exact step."""
    with exact(model):
        loss = model(input_ids=tokens, labels=tokens, use_cache=False).loss
    loss.backward()
    optimiser.step()
    optimiser.zero_grad()
    return loss.item()


def native_step(model: Any, optimiser: Any, tokens: torch.Tensor) -> float:
    """The loss of one step with torch's own operators."""
    loss = model(input_ids=tokens, labels=tokens, use_cache=False).loss
    loss.backward()
    optimiser.step()
    optimiser.zero_grad()
    return loss.item()


def cpu_s(step: Callable[[], float]) -> float:
    """The processor time of one step."""
    began = time.process_time()
    step()
    return time.process_time() - began


@lru_cache
def measure(width: int) -> dict[str, float]:
    """The least times of both at this width, on one thread, and how far their losses are apart after the same steps."""
    torch.set_num_threads(1)
    models = [build(width)]
    models.append(copy.deepcopy(models[0]))
    optimisers = AdamW(models[0].parameters()), torch.optim.AdamW(models[1].parameters())
    tokens = (torch.arange(BATCH * LENGTH) * 7919 % VOCABULARY).view(BATCH, LENGTH)
    steps = (
        lambda: exact_step(models[0], optimisers[0], tokens),
        lambda: native_step(models[1], optimisers[1], tokens),
    )
    first = [step() for step in steps]
    rounds = [[cpu_s(step) for step in steps] for _ in range(ROUNDS)]
    ours, theirs = (min(column) for column in zip(*rounds, strict=True))
    print(f"  width {width}: {ours:.3g} s exact, {theirs:.3g} s native", flush=True)
    last = [step() for step in steps]
    apart = max(abs(a - b) / b for a, b in (first, last))
    return {"exact": ours, "native": theirs, "loss_apart": apart}


def run() -> Result:
    """The axis, measured now."""
    found = {width: measure(width) for width in WIDTHS}
    figures: dict[str, float | str | None] = {}
    for width, times in found.items():
        figures[f"step_cpu_s_at_{width}"] = times["exact"]
        figures[f"slowdown_at_{width}"] = times["exact"] / times["native"]
        figures[f"loss_apart_at_{width}"] = times["loss_apart"]
    return Result(
        "numerics",
        figures,
        {"torch": {f"step_cpu_s_at_{width}": times["native"] for width, times in found.items()}},
        {f"native_over_exact_at_{width}": times["native"] / times["exact"] for width, times in found.items()},
        {f"native_over_exact_at_{width}": 1 / SLOWDOWN_MAX[width] for width in WIDTHS},
        ("exact and native take turns; one thread; the same model, data and optimiser; the slow-down is the inverse",),
    )
