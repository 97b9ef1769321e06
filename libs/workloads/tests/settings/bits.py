"""Prints a digest of every exact computation of a training run, for as many threads as are named: one line each."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import torch
from blake3 import blake3
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from assay.workloads.numerics import AdamW, Generator, clip_gradients, exact, initialise
from assay.workloads.numerics.fixed import fix, product_nn, product_nt, product_tn
from assay.workloads.numerics.schedules import cosine

STEPS = 2
SHAPE: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "vocab_size": 97}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64}


class Gpt(nn.Module):
    """The other family: LayerNorm, biases, GELU, learnt positions, attention spelt out."""

    def __init__(self, width: int = 32, heads: int = 4, vocabulary: int = 97) -> None:
        super().__init__()
        self.heads = heads
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(64, width)
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        rows, length = tokens.shape
        x = self.tokens(tokens) + self.places(torch.arange(length))
        q, k, v = (
            each.view(rows, length, self.heads, -1).transpose(1, 2) for each in self.qkv(self.first(x)).chunk(3, -1)
        )
        scores = (q @ k.transpose(-2, -1)) / q.shape[-1] ** 0.5
        scores = scores.masked_fill(~torch.ones(length, length, dtype=torch.bool).tril(), -1e9)
        x = x + self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(rows, length, -1))
        x = x + self.down(functional.gelu(self.up(self.second(x))))
        return x @ self.tokens.weight.T


def batch(step: int, rows: int = 3, length: int = 20) -> Tensor:
    """Tokens that look random, from integers alone."""
    places = torch.arange(rows * length, dtype=torch.int64) + step * 1009
    return (places * places * 31 + places * 7 + 3).remainder(97).view(rows, length)


def llama() -> LlamaForCausalLM:
    """A Llama of a few thousand parameters, filled from integers."""
    model = LlamaForCausalLM(LlamaConfig(**SHAPE, **HEADS, tie_word_embeddings=True))
    initialise(model, Generator(11))
    return model


def adapted() -> LlamaForCausalLM:
    """The same, frozen, with an adapter that drops a tenth."""
    model = llama().requires_grad_(False)
    inject_adapter_in_model(LoraConfig(r=8, target_modules=["q_proj", "v_proj"], lora_dropout=0.1), model)
    initialise(
        nn.ModuleList(module for name, module in model.named_modules() if name.endswith("default")), Generator(12)
    )
    return model


def train(model: Any, rate: float, **settings: float) -> Iterator[Tensor]:
    """The gradients of some steps, and what they led to."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser, generator = AdamW(trained, lr=rate, **settings), Generator(5)
    for step in range(STEPS):
        tokens = batch(step)
        with exact(model, generator):
            output = model(tokens)
            logits = getattr(output, "logits", output)[:, :-1]
            loss = functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        loss.backward()
        yield loss
        yield clip_gradients(trained, 0.5)
        yield from (parameter.grad for parameter in trained)
        optimiser.param_groups[0]["lr"] = cosine(rate, step, STEPS + 1)
        optimiser.step()
        optimiser.zero_grad()
        yield from trained
        yield from (state[name] for state in optimiser.state.values() for name in ("exp_avg", "exp_avg_sq"))


def large() -> Iterator[Tensor]:
    """Products longer than one block and wider than one piece, and with subnormal numbers among them."""
    generator = Generator(9)
    a, b, g = generator.normal(40, 2500), generator.normal(60, 2500), generator.normal(40, 60)
    a[3] *= 2.0**-140
    yield product_nt(fix(a), fix(b))
    yield product_nn(b.mT[:100].contiguous(), fix(b))
    yield product_nn(a, fix(b.mT.contiguous()))
    yield product_tn(b.mT.contiguous(), fix(a.mT.contiguous()))
    x = generator.normal(200, 700).requires_grad_()
    norm = nn.LayerNorm(700)
    with exact(norm):
        y = functional.silu(norm(x)).softmax(-1)
        (y * y).sum().backward()
    assert x.grad is not None
    yield from (y, x.grad, g * 2.0**-135)


RUNS = {
    "adapter": lambda: train(adapted().train(), 1e-2, eps=1e-5),
    "llama": lambda: train(llama(), 1e-2, weight_decay=0.1),
    "gpt": lambda: train(started(Gpt()), 1e-2),
    "large": large,
    "start": lambda: [Generator(1).normal(20_001), Generator(2).uniform(20_001)],
}


def started(model: nn.Module) -> nn.Module:
    """The model filled from integers."""
    initialise(model, Generator(3))
    return model


def digest(tensors: Any) -> str:
    """One digest of many tensors."""
    whole = blake3()
    for tensor in tensors:
        whole.update(tensor.detach().contiguous().numpy().tobytes())
    return whole.hexdigest()


if __name__ == "__main__":
    for threads in map(int, sys.argv[1:]):
        torch.set_num_threads(threads)
        print(json.dumps({name: digest(run()) for name, run in RUNS.items()}), flush=True)
