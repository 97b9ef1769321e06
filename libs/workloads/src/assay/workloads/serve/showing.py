"""What a verifier is shown of a segment that was served: requests, answers and tokens, and never the sketches."""

from dataclasses import replace

import numpy as np
from blake3 import blake3
from pydantic import ValidationError

from assay.schema.served import Payload
from assay.workloads.errors import BadCheckpoint
from assay.workloads.generate.answers import Answer
from assay.workloads.generate.check import draw_drawn
from assay.workloads.generate.engine import Wording
from assay.workloads.generate.excerpt import SPOIL, Excerpt, alter
from assay.workloads.generate.sketch import NUMBERS
from assay.workloads.serve.lines import read_requests, write_line
from assay.workloads.serve.params import ServeParams

Place = tuple[int, int]


def spoil(excerpt: Excerpt, params: ServeParams, segment: int, seed: str, spoil_seed: str, wording: Wording) -> Excerpt:
    """Return the excerpt with another token somewhere in a drawn answer, lines to match; the same if there is no room.

    `seed` draws the requests that are looked at, `spoil_seed` (64 hex digits) place and token.
    """
    try:
        requests = read_requests(excerpt.lines, params.requests_of(segment))
        firsts = {each.number: len(Payload.model_validate_json(each.payload).prefix) for each in requests}
    except (BadCheckpoint, ValidationError):
        # A claim without form needs no spoiling to be false.
        return excerpt
    drawn = draw_drawn(seed, params, segment)
    answers = [
        Answer(request.number, tokens, np.zeros((0, NUMBERS), np.float16))
        for request, tokens in zip(requests, excerpt.tokens, strict=False)
    ]
    pairs = list(zip(requests, answers, strict=False))
    drawn_answers = [each for each in answers if each.request in drawn]
    places = [place for each in drawn_answers for place in places_of(each, firsts[each.request], wording)]
    if not places:
        return excerpt
    words = np.frombuffer(blake3(SPOIL + bytes.fromhex(spoil_seed)).digest(), "<u8")
    number, position = places[int(words[0]) % len(places)]
    told = [
        (request, each if each.request != number else alter(each, position, int(words[1]), wording))
        for request, each in pairs
    ]
    lines = b"".join(write_line(request, each, wording.text(each.tokens), wording.ends) for request, each in told)
    return replace(excerpt, lines=lines, tokens=tuple(each.tokens for _, each in told))


def places_of(answer: Answer, first: int, wording: Wording) -> list[Place]:
    """Return where an answer can be altered and keep its form: after its named beginning, but not at its end token."""
    is_stopped = int(answer.tokens[-1]) in wording.ends
    return [(answer.request, at) for at in range(first, len(answer.tokens) - is_stopped)]
