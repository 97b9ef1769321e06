"""The check of a segment that was served: conversation and answer are read once, nothing is generated.

As for a batch (`generate.reading`): form, states and choice, each request by its own seed. What is more: a request
counts only if the job's caller signed it, and the beginning of an answer that its request names is nobody's choice.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from assay.workloads.errors import BadCheckpoint
from assay.workloads.generate.answers import Answer
from assay.workloads.generate.check import REQUESTS_DRAWN, draw_requests
from assay.workloads.generate.engine import Engine, load_engine
from assay.workloads.generate.errors import BadOpening, CheckFailed
from assay.workloads.generate.excerpt import read_excerpt
from assay.workloads.generate.forms import Sketcher, sketcher_of
from assay.workloads.generate.limits import WRONG_TEXT
from assay.workloads.generate.prefill import Seen, grouped, read, see_answers
from assay.workloads.generate.reading import BAD_FORM, CHECKER_DTYPE, Reading
from assay.workloads.serve.asking import Asked, read_asked
from assay.workloads.serve.errors import TurnedAway
from assay.workloads.serve.lines import read_requests, write_line
from assay.workloads.serve.params import ServeParams
from assay.workloads.serve.sampling import REQUEST
from assay.workloads.workload import Inputs

Claimed = tuple[Asked, Answer]


def read_served(params: ServeParams, inputs: Inputs, excerpt: bytes, segment: int, seed: str) -> Reading:
    """Return the reading of the requests that `seed` draws.

    Raises CheckFailed, ModelMissing, ModelCorrupt for this machine's faults.
    """
    engine = load_engine(params.model, inputs.models, CHECKER_DTYPE, params.threads)
    try:
        lines, answers = read_excerpt(excerpt, params, segment)
        claimed = read_claimed(engine, params, lines, answers, segment)
    except (BadCheckpoint, TurnedAway):
        return Reading(BAD_FORM)
    if lines != b"".join(write_line(a.request, b, engine.text(b.tokens), engine.ends) for a, b in claimed):
        return Reading(WRONG_TEXT)
    drawn = draw_requests(seed, [answer.request for answer in answers], REQUESTS_DRAWN)
    return Reading("", tuple(see(engine, params, [each for each in claimed if each[1].request in drawn])))


def read_claimed(
    engine: Engine, params: ServeParams, lines: bytes, answers: Sequence[Answer], segment: int
) -> list[Claimed]:
    """Return the answers of an excerpt with what was asked. Raises BadOpening, TurnedAway."""
    requests = read_requests(lines, params.requests_of(segment))
    claimed = [
        (read_asked(engine, params, request, request.number), answer)
        for request, answer in zip(requests, answers, strict=True)
    ]
    for asked, answer in claimed:
        check_answer(engine, asked, answer)
    return claimed


def check_answer(engine: Engine, asked: Asked, answer: Answer) -> None:
    """Raise BadOpening unless all tokens exist, the named beginning stands, and the answer ends where it must."""
    tokens, prefix = answer.tokens.tolist(), list(asked.payload.prefix)
    if max(tokens) >= engine.vocabulary or tokens[: len(prefix)] != prefix or len(tokens) == len(prefix):
        raise BadOpening(f"The answer to request {answer.request} has tokens that cannot stand there.")
    is_ended = tokens[-1] in engine.ends or len(tokens) == asked.payload.max_tokens
    if not is_ended or len(tokens) > asked.payload.max_tokens or any(token in engine.ends for token in tokens[:-1]):
        raise BadOpening(f"The answer to request {answer.request} goes on after its end, or ends before it.")


def see(engine: Engine, params: ServeParams, claimed: Sequence[Claimed]) -> list[Seen]:
    """Return what the model says of answers, in the order of their requests. Raises CheckFailed."""
    sketcher = sketcher_of(params, engine.width, engine.device)
    asked = {answer.request: each for each, answer in claimed}
    try:
        with torch.no_grad():
            found = [
                see_one(engine, asked[answer.request], answer, states, sketcher)
                for group in grouped([(each.prompt, answer) for each, answer in claimed])
                for (_, answer), states in zip(group, read(engine, group), strict=True)
            ]
    # Torch tells of exhausted memory, and of kernels that fail, by a bare RuntimeError.
    except RuntimeError as error:
        raise CheckFailed(str(error)[:300]) from error
    return sorted(found, key=lambda seen: seen.request)


def see_one(engine: Engine, asked: Asked, answer: Answer, states: Tensor, sketcher: Sketcher) -> Seen:
    """Return what the model says of one answer; of the beginning that the request names no margin counts."""
    (seen,) = see_answers(engine, asked.sampling, [replace(answer, request=REQUEST)], [states], sketcher)
    margins = seen.margins.copy()
    margins[: len(asked.payload.prefix)] = 0
    return replace(seen, request=answer.request, margins=margins)
