"""An engine that writes a token every ten milliseconds to each answer; the text is its position and the time in ns."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from assay.schema.served import MISNUMBERED, Finish, Payload, Piece, Request, Told, Turned

STEP_S: Final = 0.01

Tell = Callable[[Told | Turned], Awaitable[None]]


@dataclass(eq=False)
class Paced:
    """The answers on their way: how far each is, and how long it becomes. The first token comes at once."""

    tell: Tell
    next_number: int = 0
    answers: dict[str, tuple[int, int]] = field(default_factory=dict)
    begun: set[asyncio.Task[None]] = field(default_factory=set)
    allowed: int = 1 << 40
    """So many tokens it may write altogether, if it is told."""
    written: int = 0

    async def run(self) -> None:
        """Write for ever, a token to all at each step."""
        due_s = time.monotonic()
        while True:
            due_s = max(due_s + STEP_S, time.monotonic())
            await asyncio.sleep(due_s - time.monotonic())
            await self._write(list(self.answers))

    def allow(self, tokens: int) -> None:
        """Go on as far as this."""
        self.allowed = tokens

    def ask(self, request: Request) -> None:
        """Begin an answer, from where its request says."""
        task = asyncio.create_task(self._begin(request))
        self.begun.add(task)
        task.add_done_callback(self.begun.discard)

    async def _begin(self, request: Request) -> None:
        if request.number != self.next_number:
            await self.tell(Turned(request_id=request.request_id, code=MISNUMBERED, next=self.next_number))
            return
        self.next_number += 1
        payload = Payload.model_validate_json(request.payload)
        self.answers[request.request_id] = (len(payload.prefix), payload.max_tokens)
        await self._write([request.request_id])

    async def _write(self, request_ids: list[str]) -> None:
        if self.written + len(request_ids) > self.allowed:
            return
        self.written += len(request_ids)
        pieces = []
        for request_id in request_ids:
            position, length = self.answers.pop(request_id)
            is_last = position + 1 == length
            if not is_last:
                self.answers[request_id] = (position + 1, length)
            finish: Finish = "length" if is_last else ""
            text = f"{position}:{time.time_ns()}"
            pieces.append(Piece(request_id=request_id, position=position, token=position, text=text, finish=finish))
        if pieces:
            await self.tell(Told(pieces=tuple(pieces)))
