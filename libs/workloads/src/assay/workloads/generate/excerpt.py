"""The excerpt: what a verifier is shown of a claimed segment. Lines and tokens, and never the sketches.

Whoever reads the excerpt with the model comes to the sketches; whoever does not cannot know them, whatever was
published: the digests that are public are of tokens and sketches together. So the answer of a verifier shows that it
did the work, and an excerpt of which one token was altered (`spoil`) looks like any other to who has not read it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from assay.workloads.errors import BadCheckpoint
from assay.workloads.generate.answers import TOKEN_BYTES, Answer, read_proof, write_line
from assay.workloads.generate.engine import Wording
from assay.workloads.generate.errors import BadOpening
from assay.workloads.generate.params import Cut, GenerateParams
from assay.workloads.generate.sketch import NUMBERS
from assay.workloads.generate.state import Reader, read_checkpoint, sized

MAGIC, SPOIL = b"assay.excerpt.1", b"assay.generate.spoil.1"

Tokens = NDArray[np.int64]
Place = tuple[int, int]
"""A token's request and position."""


@dataclass(frozen=True)
class Excerpt:
    """The lines of a segment, and the tokens of its answers; no tokens if what was claimed of them cannot be read."""

    lines: bytes
    tokens: tuple[Tokens, ...]

    def encode(self) -> bytes:
        """Return the excerpt as bytes."""
        parts = [sized(tokens.astype("<u4").tobytes()) for tokens in self.tokens]
        return b"".join((MAGIC, sized(self.lines), *parts))


def excerpt_of(state: bytes, params: Cut, segment: int) -> Excerpt:
    """Return the excerpt of the last segment that a checkpoint closes. Raises BadCheckpoint."""
    checkpoint = read_checkpoint(state)
    if checkpoint.closed != segment + 1:
        raise BadCheckpoint(f"The checkpoint closes {checkpoint.closed} segments, not {segment + 1}.")
    answers = read_claimed(checkpoint.proof, params, segment)
    return Excerpt(checkpoint.lines[-1], tuple(answer.tokens for answer in answers or ()))


def read_claimed(proof: bytes, params: Cut, segment: int) -> tuple[Answer, ...] | None:
    """Return the answers that are claimed; None if what is claimed has not their form."""
    try:
        return read_proof(proof, params, segment)
    except BadCheckpoint:
        return None


def read_excerpt(data: bytes, params: Cut, segment: int) -> tuple[bytes, tuple[Answer, ...]]:
    """Return an excerpt's lines, and its answers under no sketches. Raises BadCheckpoint."""
    reader = Reader(data)
    if reader.take(len(MAGIC)) != MAGIC:
        raise BadOpening("It does not begin like an excerpt.")
    lines = reader.take_sized()
    answers = tuple(read_answers(reader, params, segment))
    reader.end()
    return lines, answers


def read_answers(reader: Reader, params: Cut, segment: int) -> Iterator[Answer]:
    """Yield the answers in an excerpt one by one."""
    for request in params.requests_of(segment):
        plain = reader.take_sized()
        if not plain or len(plain) % TOKEN_BYTES or len(plain) > TOKEN_BYTES * params.max_tokens:
            raise BadOpening(f"Request {request} is not answered by 1 to {params.max_tokens} tokens.")
        yield Answer(request, np.frombuffer(plain, "<u4").astype(np.int64), np.zeros((0, NUMBERS), np.float16))


def spoil(
    excerpt: Excerpt, params: GenerateParams, segment: int, drawn: set[int], seed: str, wording: Wording
) -> Excerpt:
    """Return the excerpt with another token somewhere in a drawn answer, lines to match; the same if there is no room.

    Place and token follow from `seed` (64 hex digits).
    """
    answers = [
        Answer(request, tokens, np.zeros((0, NUMBERS), np.float16))
        for request, tokens in zip(params.requests_of(segment), excerpt.tokens, strict=False)
    ]
    places = [place for answer in answers if answer.request in drawn for place in places_of(answer, params)]
    if not places:
        return excerpt
    words = np.frombuffer(blake3(SPOIL + bytes.fromhex(seed)).digest(), "<u8")
    request, position = places[int(words[0]) % len(places)]
    spoiled = [each if each.request != request else alter(each, position, int(words[1]), wording) for each in answers]
    lines = b"".join(write_line(answer, wording.text(answer.tokens), wording.ends) for answer in spoiled)
    return Excerpt(lines, tuple(answer.tokens for answer in spoiled))


def places_of(answer: Answer, params: GenerateParams) -> list[Place]:
    """Return where an answer can be altered and keep its form: anywhere but at the token that ended it."""
    count = len(answer.tokens)
    return [(answer.request, at) for at in range(count if count == params.max_tokens else count - 1)]


def alter(answer: Answer, position: int, number: int, wording: Wording) -> Answer:
    """Return the answer with another token at a position, which is none that ends."""
    others = (number + step for step in range(len(wording.ends) + 2))
    taken = {int(answer.tokens[position]), *wording.ends}
    token = next(other % wording.vocabulary for other in others if other % wording.vocabulary not in taken)
    tokens = answer.tokens.copy()
    tokens[position] = token
    return replace(answer, tokens=tokens)


def altered_in(shown: Sequence[Answer], claimed: Sequence[Answer]) -> list[int]:
    """Return the requests whose shown tokens are not the claimed ones."""
    return [
        one.request for one, other in zip(shown, claimed, strict=True) if not np.array_equal(one.tokens, other.tokens)
    ]
