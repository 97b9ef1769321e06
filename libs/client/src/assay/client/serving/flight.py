"""One answer on its way to its user, whichever replicas write it: what was asked, and the tokens that have come."""

import asyncio
import base64
import secrets
from dataclasses import dataclass, field
from typing import Final

from assay.schema.served import ChatMessage, Payload, Piece

LENGTHS: Final = 16


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and what decides the answer."""

    messages: tuple[ChatMessage, ...]
    seed: int
    temperature: float
    top_p: float
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer comes any more: why, and whether it is the question's own fault."""

    code: str
    detail: str
    is_users: bool = False


@dataclass(eq=False)
class Flight:
    """A question and its answer. The pieces wait in `come`, which holds no more than the answer may have tokens."""

    question: Question
    begun_s: float
    come: asyncio.Queue[Piece | Lost] = field(default_factory=asyncio.Queue)
    tokens: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    request_id: str = ""
    number: int = 0
    turn: int = 0
    """How often the replica's numbers had been set right when it was asked."""
    asked_s: float = 0.0
    tries: int = 0
    """How often it was turned away since the last token."""
    moved_s: float = 0.0
    """When the last token came."""
    is_over: bool = False

    def payload(self) -> str:
        """What the next replica is asked: the question, and what has come of the answer."""
        asked = self.question
        return Payload(
            messages=asked.messages,
            prefix=tuple(self.tokens),
            seed=asked.seed,
            temperature=asked.temperature,
            top_p=asked.top_p,
            max_tokens=asked.max_tokens,
        ).model_dump_json()

    def land(self, piece: Piece, now_s: float) -> bool:
        """Take the next token; whether it was the next one, or one that is here already."""
        if self.is_over or piece.position < len(self.tokens):
            return True
        if piece.position > len(self.tokens):
            return False
        self.tokens.append(piece.token)
        self.texts.append(piece.text)
        self.tries, self.moved_s = 0, now_s
        self.is_over = bool(piece.finish)
        self.come.put_nowait(piece)
        return True

    def lose(self, lost: Lost) -> None:
        """End without an answer."""
        self.is_over = True
        self.come.put_nowait(lost)


def fresh_id() -> str:
    """An id that nobody else has: of a request, or of a caller."""
    return base64.b32encode(secrets.token_bytes(LENGTHS)).decode().rstrip("=").lower()
