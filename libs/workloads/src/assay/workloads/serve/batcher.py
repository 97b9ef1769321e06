"""Continuous batching: answers are written side by side, each joins and leaves at any step, none changes another.

A request that is let in waits until a row is free, in the order of numbers; its prompt is read, and from then on each
step adds a token to every row. `rows` says why an answer does not depend on its neighbours.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from assay.schema.served import BUSY, Finish, Piece, Request
from assay.workloads.generate.answers import Answer
from assay.workloads.generate.decode import check_finite
from assay.workloads.generate.engine import Engine
from assay.workloads.generate.forms import Sketcher, sketcher_of
from assay.workloads.serve.asking import Asked, read_asked
from assay.workloads.serve.errors import TurnedAway
from assay.workloads.serve.params import ServeParams
from assay.workloads.serve.rows import Held, read_prompt, read_step
from assay.workloads.serve.sampling import choose_rows
from assay.workloads.serve.telling import Telling


@dataclass
class Row:
    """One answer on its way: what the model holds of it, its tokens, and what each added to its sketch."""

    asked: Asked
    held: Held
    tokens: list[int]
    added: list[Tensor]
    telling: Telling

    def close(self, sketcher: Sketcher) -> Answer:
        """Return the answer."""
        tokens = np.array(self.tokens, dtype=np.int64)
        return Answer(self.asked.request.number, tokens, sketcher.claim(torch.stack(self.added)))


@dataclass(frozen=True)
class Answered:
    """A finished answer with what was asked."""

    asked: Asked
    answer: Answer


class Batcher:
    """The answers of one job on their way. `next_number` is that of the next request."""

    def __init__(self, engine: Engine, params: ServeParams, next_number: int) -> None:
        self._engine, self._params, self.next_number = engine, params, next_number
        self._sketcher = sketcher_of(params, engine.width, engine.device)
        self._waiting: deque[Asked] = deque()
        self._rows: list[Row | None] = [None] * params.batch
        self._states = torch.zeros(params.batch, engine.width, device=engine.device)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._waiting and not any(self._rows)

    @property
    def next_tokens(self) -> int:
        """How many tokens the next step writes."""
        live = sum(row is not None for row in self._rows)
        return live + min(len(self._waiting), len(self._rows) - live)

    def ask(self, request: Request) -> None:
        """Let a request in. Raises TurnedAway."""
        if len(self._waiting) >= self._params.waiting + sum(row is None for row in self._rows):
            raise TurnedAway(BUSY, f"{len(self._waiting)} requests wait already.", self.next_number)
        self._waiting.append(read_asked(self._engine, self._params, request, self.next_number))
        self.next_number += 1

    @torch.no_grad()
    def step(self) -> tuple[list[Piece], list[Answered]]:
        """Return the next token of every answer, and the answers that it finished."""
        for at in (at for at, row in enumerate(self._rows) if row is None):
            if self._waiting:
                self._rows[at] = self._begin(at, self._waiting.popleft())
        live = [(at, row) for at, row in enumerate(self._rows) if row]
        pieces = [self._write(at, row, token) for (at, row), token in zip(live, self._choose(live), strict=True)]
        ended = [(at, row) for (at, row), piece in zip(live, pieces, strict=True) if piece.finish]
        for at, _ in ended:
            self._rows[at] = None
        if any(self._rows):
            self._read(self._rows)
        return pieces, [Answered(row.asked, row.close(self._sketcher)) for _, row in ended]

    def _begin(self, at: int, asked: Asked) -> Row:
        """Read a prompt, and the beginning of the answer that another has given."""
        prompt, prefix = asked.prompt, list(asked.payload.prefix)
        held, states = read_prompt(self._engine, prompt + prefix, len(prompt) + asked.payload.max_tokens)
        self._states[at] = check_finite(states[-1]).to(self._states.dtype)
        added = list(self._sketcher.add_all(states[len(prompt) - 1 : -1]))
        telling = Telling(self._engine)
        for token in prefix:
            telling.add(token)
        return Row(asked, held, prefix, added, telling)

    def _choose(self, live: Sequence[tuple[int, Row]]) -> list[int]:
        """The next token of each row. Logits are made of all rows, empty ones too, as states are."""
        logits = self._engine.logits(self._states)[[at for at, _ in live]]
        positions = np.array([len(row.tokens) for _, row in live])
        return [int(token) for token in choose_rows(logits, [row.asked.sampling for _, row in live], positions)]

    def _write(self, at: int, row: Row, token: int) -> Piece:
        """Add a token to a row."""
        position = len(row.tokens)
        row.added.append(self._sketcher.add(self._states[at : at + 1], position)[0])
        row.tokens.append(token)
        finish = self._finish(row, token)
        text = row.telling.add(token, is_last=bool(finish))
        is_first = position == len(row.asked.payload.prefix)
        return Piece(
            request_id=row.asked.request.request_id,
            position=position,
            token=token,
            text=text,
            finish=finish,
            prompt_tokens=len(row.asked.prompt) if is_first else 0,
        )

    def _finish(self, row: Row, token: int) -> Finish:
        if token in self._engine.ends:
            return "stop"
        return "length" if len(row.tokens) == row.asked.payload.max_tokens else ""

    def _read(self, rows: Iterable[Row | None]) -> None:
        tokens = [row.tokens[-1] if row else 0 for row in rows]
        states = read_step(self._engine, tokens, [row.held if row else None for row in rows])
        self._states = states.to(self._states.dtype)
        check_finite(self._states)
