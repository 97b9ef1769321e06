"""How a provider may behave: honest, or in one of the ways that would save it work or change the answers."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch

from assay.workloads.generate.answers import Answer
from assay.workloads.generate.decode import Prompted, complete
from assay.workloads.generate.engine import Engine
from assay.workloads.generate.forms import sketcher_of
from assay.workloads.generate.params import GenerateParams
from assay.workloads.generate.prefill import read
from assay.workloads.workload import ignore_progress

Answers = list[Answer]
Behaviour = Callable[[Engine, GenerateParams, list[Prompted]], Answers]
GROUP: Final = 64


def generate(engine: Engine, params: GenerateParams, asked: list[Prompted]) -> Answers:
    """The answers of this engine, honestly."""
    return complete(engine, params, asked, ignore_progress)


def with_engine(change: Callable[[Any], None]) -> Behaviour:
    """Generating by a changed copy of the model."""

    def behave(engine: Engine, params: GenerateParams, asked: list[Prompted]) -> Answers:
        return generate(changed(engine, change), params, asked)

    return behave


def changed(engine: Engine, change: Callable[[Any], None]) -> Engine:
    """The engine with a changed copy of the trunk."""
    trunk = copy.deepcopy(engine.trunk)
    with torch.no_grad():
        change(trunk)
    return replace(engine, trunk=trunk)


def with_params(**changes: Any) -> Behaviour:
    """Generating by other parameters than the job's, but sketched as the job asks."""

    def behave(engine: Engine, params: GenerateParams, asked: list[Prompted]) -> Answers:
        answers = generate(engine, params.model_copy(update=changes), asked)
        return sketched(engine, params, asked, answers)

    return behave


def cheap_tokens(change: Callable[[Any], None]) -> Behaviour:
    """Tokens of a cheap model, under sketches that the right model makes by reading them."""

    def behave(engine: Engine, params: GenerateParams, asked: list[Prompted]) -> Answers:
        return sketched(engine, params, asked, generate(changed(engine, change), params, asked))

    return behave


@torch.no_grad()
def sketched(engine: Engine, params: GenerateParams, asked: list[Prompted], answers: Answers) -> Answers:
    """The same tokens under the sketches of this engine."""
    sketcher, prompts = sketcher_of(params, engine.width, engine.device), dict(asked)
    read_again = [read(engine, [(prompts[answer.request], answer)])[0] for answer in answers]
    return [
        replace(answer, sketch=sketcher.claim(sketcher.add_all(states)))
        for answer, states in zip(answers, read_again, strict=True)
    ]


def cut_short(engine: Engine, params: GenerateParams, asked: list[Prompted]) -> Answers:
    """Honest answers that end after a third of their tokens, as if the model had ended them there."""
    answers = generate(engine, params, asked)
    kept = [answer.tokens[: max(1, len(answer.tokens) // 3)] for answer in answers]
    short = [replace(a, tokens=np.append(tokens, engine.ends[0])) for a, tokens in zip(answers, kept, strict=True)]
    return sketched(engine, params, asked, short)


def one_token(engine: Engine, params: GenerateParams, asked: list[Prompted]) -> Answers:
    """Honest answers but for one word of one of them."""
    answers = generate(engine, params, asked)
    tokens = answers[0].tokens.copy()
    tokens[len(tokens) // 2] = 1000
    return sketched(engine, params, asked, [replace(answers[0], tokens=tokens), *answers[1:]])


def drop(layer: int) -> Callable[[Any], None]:
    """Leaving out one layer."""
    return lambda trunk: drop_layers(trunk, {layer % len(trunk.layers)})


def keep_first(count: int) -> Callable[[Any], None]:
    """Leaving out all layers but the first."""
    return lambda trunk: drop_layers(trunk, set(range(count, len(trunk.layers))))


def drop_layers(trunk: Any, dropped: set[int]) -> None:
    """Leave out layers, and number the others anew for their cache."""
    trunk.layers = torch.nn.ModuleList([layer for at, layer in enumerate(trunk.layers) if at not in dropped])
    for at, layer in enumerate(trunk.layers):
        layer.self_attn.layer_idx = at
    trunk.config.num_hidden_layers = len(trunk.layers)


def matrices(trunk: Any) -> list[Any]:
    """The weights of the layers' products."""
    return [module.weight for module in trunk.layers.modules() if isinstance(module, torch.nn.Linear)]


def quantise(bits: int, group: int) -> Callable[[Any], None]:
    """Weights rounded to so many bits, symmetric, one scale for each group of inputs (0: for each row)."""

    def change(trunk: Any) -> None:
        top = 2 ** (bits - 1) - 1
        for weight in matrices(trunk):
            blocks = weight.float().reshape(-1, group or weight.shape[1])
            scale = blocks.abs().amax(dim=1, keepdim=True) / top
            weight.copy_(((blocks / scale).round() * scale).reshape(weight.shape))

    return change


def noise(share: float) -> Callable[[Any], None]:
    """Weights with noise of this share of each matrix's own spread."""

    def change(trunk: Any) -> None:
        generator = torch.Generator().manual_seed(1)
        for weight in matrices(trunk):
            weight += torch.randn(weight.shape, generator=generator).to(weight.dtype) * weight.float().std() * share

    return change


def tuned(engine: Engine, params: GenerateParams, asked: list[Prompted]) -> Answers:
    """Another model of the same family: this one after a few steps of training on other text."""
    return generate(changed(engine, lambda trunk: tune(trunk, engine)), params, asked)


def tune(trunk: Any, engine: Engine, steps: int = 6, rate: float = 3e-5) -> None:
    """Train the trunk a little on a page of the standard library."""
    tokens = torch.tensor(engine.tokenizer.encode(str(copy.__doc__) * 2)[: 96 * 2]).reshape(2, -1)
    trunk.requires_grad_(True)
    optimiser = torch.optim.AdamW(trunk.parameters(), lr=rate)
    with torch.enable_grad():
        for _ in range(steps):
            states = trunk(input_ids=tokens[:, :-1], use_cache=False).last_hidden_state.float()
            logits = states @ engine.head.T
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    trunk.requires_grad_(False)


CHEATS: Final[dict[str, Behaviour]] = {
    "last layer dropped": with_engine(drop(-1)),
    "middle layer dropped": with_engine(drop(15)),
    "first 20 of 30 layers": with_engine(keep_first(20)),
    "int4 weights": with_engine(quantise(4, GROUP)),
    "int8 weights": with_engine(quantise(8, 0)),
    "weights + 2 % noise": with_engine(noise(0.02)),
    "another model (tuned)": tuned,
    "int4 decode, right prefill": cheap_tokens(quantise(4, GROUP)),
    "int8 decode, right prefill": cheap_tokens(quantise(8, 0)),
    "20-layer decode, right prefill": cheap_tokens(keep_first(20)),
    "another seed": with_params(seed=1),
    "greedy": with_params(top_k=1),
    "answers cut short": cut_short,
    "one token replaced": one_token,
}
