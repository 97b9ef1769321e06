"""What the model says about answers that others claim: prompt and answer read at once, every token measured.

Reading is a few wide products where generating was many narrow ones; that is what makes the check cheap. Answers are
packed: what their prompts begin with alike is read once (`packing`), and the head goes over all of a group at once.
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
from assay.workloads.generate.forms import FORMS, Form, Sketcher, sketcher_of
from assay.workloads.generate.packing import pack, read_packed, shared_by
from assay.workloads.generate.params import GenerateParams
from assay.workloads.generate.sampler import Sampling, measure_margins
from assay.workloads.generate.sketch import Sketch

READ_TOKENS_MAX = 2048
LOGIT_ROWS_MAX = 512

Asked = tuple[list[int], Answer]
"""The tokens of a prompt, and the claimed answer to it."""


@dataclass(frozen=True)
class Seen:
    """What the model says of one answer: what is seen of its own states, and the margins of the tokens, in logits."""

    request: int
    sketch: Sketch
    margins: NDArray[np.float64]

    def against(self, claimed: Sketch, form: Form) -> "Residual":
        """Return how far a claimed sketch of this form and the tokens are from it."""
        return Residual(self.request, form.apart(self.sketch, claimed), self.margins)


@dataclass(frozen=True)
class Residual:
    """How far one answer is from the model: its sketch by chunk, relative; its tokens' margins, in logits."""

    request: int
    distances: NDArray[np.float64]
    margins: NDArray[np.float64]


def measure(engine: Engine, params: GenerateParams, asked: Sequence[Asked]) -> list[Residual]:
    """Return the residuals of answers, in the order of their requests. Raises CheckFailed."""
    claimed, form = {answer.request: answer.sketch for _, answer in asked}, FORMS[params.sketch]
    return [seen.against(claimed[seen.request], form) for seen in see(engine, params, asked)]


def see(engine: Engine, params: GenerateParams, asked: Sequence[Asked]) -> list[Seen]:
    """Return what the model says of answers, in the order of their requests. Raises CheckFailed."""
    sketcher = sketcher_of(params, engine.width, engine.device)
    try:
        with torch.no_grad():
            found = [
                seen
                for group in grouped(asked)
                for seen in see_answers(engine, params, [answer for _, answer in group], read(engine, group), sketcher)
            ]
    # Torch tells of exhausted memory, and of kernels that fail, by a bare RuntimeError.
    except RuntimeError as error:
        raise CheckFailed(str(error)[:300]) from error
    return sorted(found, key=lambda seen: seen.request)


def grouped(asked: Sequence[Asked]) -> Iterator[list[Asked]]:
    """Yield answers in groups that are read at once, those of like prompts together."""
    group: list[Asked] = []
    before: list[int] = []
    held = 0
    for each in sorted(asked, key=tokens_of):
        tokens = tokens_of(each)
        own = len(tokens) - shared_by(before, tokens)
        if group and held + own > READ_TOKENS_MAX:
            yield group
            group, held, own = [], 0, len(tokens)
        group.append(each)
        before, held = tokens, held + own
    if group:
        yield group


def tokens_of(asked: Asked) -> list[int]:
    """Return the tokens that are read to measure an answer: all but its last."""
    return [*asked[0], *asked[1].tokens[:-1].tolist()]


def read(engine: Engine, group: Sequence[Asked]) -> list[Tensor]:
    """Return for each answer the states (tokens, width) that its tokens were chosen by."""
    since = [len(prompt) - 1 for prompt, _ in group]
    return read_packed(engine.trunk, pack([tokens_of(each) for each in group]), since, engine.device)


def see_answers(
    engine: Engine, params: Sampling, answers: Sequence[Answer], states: Sequence[Tensor], sketcher: Sketcher
) -> list[Seen]:
    """Return what the model says of answers. Raises CheckFailed if this machine's states are not finite."""
    for answer, each in zip(answers, states, strict=True):
        if not bool(torch.isfinite(each).all()):
            raise CheckFailed(f"The model's states for request {answer.request} are not finite on this machine.")
    counts = [len(answer.tokens) for answer in answers]
    margins = np.split(margins_of(engine, params, answers, torch.cat(list(states))), np.cumsum(counts)[:-1])
    return [
        Seen(answer.request, sketcher.see(each), own)
        for answer, each, own in zip(answers, states, margins, strict=True)
    ]


def margins_of(engine: Engine, params: Sampling, answers: Sequence[Answer], states: Tensor) -> NDArray[np.float64]:
    """Return the margins of the tokens of answers, one answer after the other, as their states are."""
    tokens = np.concatenate([answer.tokens for answer in answers])
    requests = np.repeat([answer.request for answer in answers], [len(answer.tokens) for answer in answers])
    positions = np.concatenate([np.arange(len(answer.tokens)) for answer in answers])
    parts = [slice(first, first + LOGIT_ROWS_MAX) for first in range(0, len(tokens), LOGIT_ROWS_MAX)]
    return np.concatenate(
        [
            measure_margins(engine.logits(states[part]), params, requests[part], positions[part], tokens[part])
            for part in parts
        ]
    )
