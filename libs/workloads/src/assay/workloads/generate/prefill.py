"""What the model says about answers that others claim: prompt and answer read at once, every token measured.

Reading is a few wide products where generating was many narrow ones; that is what makes the check cheap. Answers are
padded on the right, where a causal model does not look.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.workloads.generate.answers import Answer
from assay.workloads.generate.engine import Engine
from assay.workloads.generate.errors import CheckFailed
from assay.workloads.generate.params import GenerateParams
from assay.workloads.generate.sampler import Sampling, measure_margins
from assay.workloads.generate.sketch import Sketch, distances, draw_projection, fold, project_all

READ_TOKENS_MAX = 2048
LOGIT_ROWS_MAX = 256

Asked = tuple[list[int], Answer]
"""The tokens of a prompt, and the claimed answer to it."""


@dataclass(frozen=True)
class Seen:
    """What the model says of one answer: the sketch of its own states, and the margins of the tokens, in logits."""

    request: int
    sketch: Sketch
    margins: NDArray[np.float64]

    def against(self, claimed: Sketch) -> "Residual":
        """Return how far a claimed sketch and the tokens are from it."""
        return Residual(self.request, distances(self.sketch, claimed), self.margins)


@dataclass(frozen=True)
class Residual:
    """How far one answer is from the model: its sketch by chunk, relative; its tokens' margins, in logits."""

    request: int
    distances: NDArray[np.float64]
    margins: NDArray[np.float64]


def measure(engine: Engine, params: GenerateParams, asked: Sequence[Asked]) -> list[Residual]:
    """Return the residuals of answers, in the order of their requests. Raises CheckFailed."""
    claimed = {answer.request: answer.sketch for _, answer in asked}
    return [seen.against(claimed[seen.request]) for seen in see(engine, params, asked)]


def see(engine: Engine, params: GenerateParams, asked: Sequence[Asked]) -> list[Seen]:
    """Return what the model says of answers, in the order of their requests. Raises CheckFailed."""
    projection = draw_projection(params.seed, engine.width).to(engine.device)
    try:
        with torch.no_grad():
            found = [
                see_answer(engine, params, answer, states, projection)
                for group in grouped(asked)
                for (_, answer), states in zip(group, read(engine, group), strict=True)
            ]
    # Torch tells of exhausted memory, and of kernels that fail, by a bare RuntimeError.
    except RuntimeError as error:
        raise CheckFailed(str(error)[:300]) from error
    return sorted(found, key=lambda seen: seen.request)


def grouped(asked: Sequence[Asked]) -> Iterator[list[Asked]]:
    """Yield answers of like length in groups that are read at once."""
    group: list[Asked] = []
    for each in sorted(asked, key=length_of):
        if group and (len(group) + 1) * length_of(each) > READ_TOKENS_MAX:
            yield group
            group = []
        group.append(each)
    yield group


def length_of(asked: Asked) -> int:
    """Return how many tokens are read to measure an answer: all but its last."""
    return len(asked[0]) + len(asked[1].tokens) - 1


def read(engine: Engine, group: Sequence[Asked]) -> Iterator[Tensor]:
    """Yield for each answer the states (tokens, width) that its tokens were chosen by."""
    tokens = torch.zeros(len(group), max(map(length_of, group)), dtype=torch.long)
    for row, (prompt, answer) in enumerate(group):
        tokens[row, : len(prompt)] = torch.tensor(prompt)
        tokens[row, len(prompt) : len(prompt) + len(answer.tokens) - 1] = torch.from_numpy(answer.tokens[:-1])
    states = engine.trunk(input_ids=tokens.to(engine.device), use_cache=False).last_hidden_state
    for row, (prompt, answer) in enumerate(group):
        yield states[row, len(prompt) - 1 : len(prompt) - 1 + len(answer.tokens)]


def see_answer(engine: Engine, params: Sampling, answer: Answer, states: Tensor, projection: Tensor) -> Seen:
    """Return what the model says of one answer. Raises CheckFailed if this machine's states are not finite."""
    if not bool(torch.isfinite(states).all()):
        raise CheckFailed(f"The model's states for request {answer.request} are not finite on this machine.")
    margins = [
        measure_margins(
            engine.logits(states[first : first + LOGIT_ROWS_MAX]),
            params,
            np.full(len(rows), answer.request),
            np.arange(first, first + len(rows)),
            rows,
        )
        for first in range(0, len(answer.tokens), LOGIT_ROWS_MAX)
        for rows in [answer.tokens[first : first + LOGIT_ROWS_MAX]]
    ]
    return Seen(answer.request, fold(project_all(states, projection)), np.concatenate(margins))
