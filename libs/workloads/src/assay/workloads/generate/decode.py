"""A segment's completions: prompts of like length in batches, one token after the other from cached keys and values.

Batches are fixed by the job (prompts in the order of their length, `batch` at a time), so a segment run twice on one
kind of machine is the same to the last bit. Shorter prompts are padded on the left; finished answers leave the batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from assay.workloads.errors import BadCheckpoint, BadParams, ModelUnsupported
from assay.workloads.fitting import room_for
from assay.workloads.generate.answers import Answer, write_line, write_proof
from assay.workloads.generate.engine import Engine, load_engine
from assay.workloads.generate.forms import Sketcher, sketcher_of
from assay.workloads.generate.params import GenerateParams, kept_tokens
from assay.workloads.generate.prompts import read_prompts
from assay.workloads.generate.sampler import choose
from assay.workloads.generate.state import Checkpoint, read_checkpoint, start_of
from assay.workloads.memory import KEPT_TOKEN_BYTES
from assay.workloads.workload import Inputs, Progress, SegmentResult

Prompted = tuple[int, list[int]]
"""A request and the tokens of its prompt."""


def run_segment(
    params: GenerateParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
) -> SegmentResult:
    """Return the segment completed after the checkpoint before it.

    Raises BadCheckpoint, BadData, BadParams, InputMissing, ModelMissing, ModelCorrupt, ModelUnsupported, TooLarge.
    """
    before = check_before(params, state, index)
    with room_for("text", inputs.models.path(params.model), kept_tokens(params), KEPT_TOKEN_BYTES):
        engine = load_engine(params.model, inputs.models, params.dtype, params.threads)
        prompts = read_prompts(inputs.read(params.prompts), params.requests)
        asked = [(request, engine.encode(prompts[request], params)) for request in params.requests_of(index)]
        answers = complete(engine, params, asked, progress)
    after = close_segment(engine, before, answers)
    tokens = sum(len(answer.tokens) for answer in answers)
    return SegmentResult(
        after.encode(),
        after.link(after.closed).hex(),
        params.segment_requests * params.max_tokens,
        {"tokens": float(tokens)},
    )


def check_before(params: GenerateParams, state: bytes, index: int) -> Checkpoint:
    """Return the checkpoint that segment `index` follows. Raises BadCheckpoint, BadParams."""
    if not 0 <= index < params.segments:
        raise BadParams(f"Segment {index} is not in a job of {params.segments} segments.")
    before = read_checkpoint(state)
    if before.closed != index:
        raise BadCheckpoint(f"The checkpoint closes {before.closed} segments; segment {index} follows {index}.")
    if before.start != start_of(params).start:
        raise BadCheckpoint("The checkpoint is of a job with other parameters.")
    return before


def close_segment(engine: Engine, before: Checkpoint, answers: Sequence[Answer]) -> Checkpoint:
    """Return the checkpoint after these answers."""
    lines = b"".join(write_line(answer, engine.text(answer.tokens), engine.ends) for answer in answers)
    return before.close(lines, write_proof(answers))


def complete(
    engine: Engine, params: GenerateParams, asked: Sequence[Prompted], progress: Callable[[Progress], None]
) -> list[Answer]:
    """Return the answers in the order of their requests."""
    sketcher = sketcher_of(params, engine.width, engine.device)
    by_length = sorted(asked, key=lambda each: (len(each[1]), each[0]))
    answers: list[Answer] = []
    for first in range(0, len(by_length), params.batch):
        answers += complete_batch(engine, params, by_length[first : first + params.batch], sketcher)
        progress(Progress(len(answers), len(asked), {"tokens": float(sum(len(answer.tokens) for answer in answers))}))
    return sorted(answers, key=lambda answer: answer.request)


@dataclass
class Row:
    """One answer on its way: its tokens so far, and what each added to its sketch."""

    request: int
    tokens: list[int]
    added: list[Tensor]

    def close(self, sketcher: Sketcher) -> Answer:
        """Return the answer."""
        return Answer(self.request, np.array(self.tokens, dtype=np.int64), sketcher.claim(torch.stack(self.added)))


@torch.no_grad()
def complete_batch(
    engine: Engine, params: GenerateParams, asked: Sequence[Prompted], sketcher: Sketcher
) -> list[Answer]:
    """Return the answers to prompts that are read and continued side by side."""
    rows = [Row(request, [], []) for request, _ in asked]
    alive, reading = rows, Reading.begin(engine, [tokens for _, tokens in asked])
    for position in range(params.max_tokens):
        requests = np.array([row.request for row in alive])
        logits = engine.logits(check_finite(reading.states))
        chosen = choose(logits, params, requests, np.full(len(alive), position))
        for row, token, added in zip(alive, chosen, sketcher.add(reading.states, position), strict=True):
            row.tokens.append(int(token))
            row.added.append(added)
        kept = [at for at, row in enumerate(alive) if row.tokens[-1] not in engine.ends]
        if not kept or position + 1 == params.max_tokens:
            break
        reading.keep(kept)
        alive = [alive[at] for at in kept]
        reading.read([row.tokens[-1] for row in alive])
    return [row.close(sketcher) for row in rows]


def check_finite(states: Tensor) -> Tensor:
    """Return the states as they are. Raises ModelUnsupported if the model has left the finite numbers."""
    if not bool(torch.isfinite(states).all()):
        raise ModelUnsupported("The model's states are not finite; ask for float32, or choose another model.")
    return states


class Reading:
    """Sequences being read side by side: the model's cache of them, and the last state of each."""

    def __init__(self, engine: Engine, mask: Tensor) -> None:
        self._engine, self._mask = engine, mask
        self._cache: Any = None
        self.states = torch.empty(0)

    @classmethod
    def begin(cls, engine: Engine, prompts: Sequence[list[int]]) -> "Reading":
        """Return the prompts read, padded on the left to one length."""
        length = max(map(len, prompts))
        tokens = torch.zeros(len(prompts), length, dtype=torch.long)
        mask = torch.zeros(len(prompts), length, dtype=torch.long)
        for row, prompt in enumerate(prompts):
            tokens[row, length - len(prompt) :] = torch.tensor(prompt)
            mask[row, length - len(prompt) :] = 1
        reading = cls(engine, mask.to(engine.device))
        reading._forward(tokens.to(engine.device))
        return reading

    def keep(self, rows: list[int]) -> None:
        """Drop all sequences but these."""
        if len(rows) < len(self._mask):
            kept = torch.tensor(rows, device=self._engine.device)
            self._mask = self._mask[kept]
            self._cache.batch_select_indices(kept)

    def read(self, tokens: list[int]) -> None:
        """Read one more token of each sequence."""
        self._mask = torch.nn.functional.pad(self._mask, (0, 1), value=1)
        self._forward(torch.tensor(tokens, device=self._engine.device)[:, None])

    def _forward(self, tokens: Tensor) -> None:
        places = (self._mask.cumsum(dim=1) - 1).clamp(min=0)[:, -tokens.shape[1] :]
        is_padded = not bool(self._mask.all())
        out = self._engine.trunk(
            input_ids=tokens,
            attention_mask=self._mask if is_padded else None,
            position_ids=places,
            past_key_values=self._cache,
            use_cache=True,
        )
        self._cache, self.states = out.past_key_values, out.last_hidden_state[:, -1]
