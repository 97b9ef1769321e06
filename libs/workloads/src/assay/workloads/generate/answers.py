"""Answers and how they are written: as lines of JSON for the requester, as tokens and sketches for the check."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.workloads.generate.errors import BadOpening
from assay.workloads.generate.forms import FORMS
from assay.workloads.generate.params import Cut, GenerateParams
from assay.workloads.generate.sketch import Sketch, chunks_of
from assay.workloads.generate.state import Reader, size_of

TOKEN_BYTES = 4


@dataclass(frozen=True)
class Answer:
    """The completion of one request: its tokens, and the sketch of the states that they were chosen by."""

    request: int
    tokens: NDArray[np.int64]
    sketch: Sketch


def write_line(answer: Answer, text: str, ends: Sequence[int]) -> bytes:
    """Return the line of the result for one answer."""
    finish = "stop" if int(answer.tokens[-1]) in ends else "length"
    line = {"request": answer.request, "completion": text, "tokens": len(answer.tokens), "finish": finish}
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"


def write_proof(answers: Sequence[Answer]) -> bytes:
    """Return tokens and sketches of a segment's answers, in the order of the requests."""
    parts = [(size_of(len(a.tokens)), a.tokens.astype("<u4").tobytes(), a.sketch.tobytes()) for a in answers]
    return b"".join(part for triple in parts for part in triple)


def read_proof(proof: bytes, params: Cut, segment: int) -> tuple[Answer, ...]:
    """Return the answers in a proof; needs little more memory than the proof does. Raises BadOpening."""
    reader = Reader(proof)
    answers = tuple(read_answers(reader, params, segment))
    reader.end()
    return answers


def read_answers(reader: Reader, params: Cut, segment: int) -> Iterator[Answer]:
    """Yield the answers of a segment one by one."""
    claimed = FORMS[params.sketch].claimed
    for request in params.requests_of(segment):
        count = reader.take_size()
        if not 1 <= count <= params.max_tokens:
            raise BadOpening(f"Request {request} is answered by {count} tokens, not by 1 to {params.max_tokens}.")
        tokens = np.frombuffer(reader.take(TOKEN_BYTES * count), "<u4").astype(np.int64)
        sketch = claimed.read(reader.take(claimed.chunk_bytes * chunks_of(count)))
        if fault := claimed.fault_of(sketch):
            raise BadOpening(f"The sketch of request {request} has {fault}.")
        yield Answer(request, tokens, sketch)


def check_answer(answer: Answer, params: GenerateParams, vocabulary: int, ends: Sequence[int]) -> None:
    """Raise BadOpening unless all tokens exist and the answer ends where it must: at an end token or the limit."""
    if int(answer.tokens.max()) >= vocabulary:
        raise BadOpening(f"The answer to request {answer.request} has tokens beyond the model's {vocabulary}.")
    is_end = np.isin(answer.tokens, ends)
    if is_end[:-1].any() or not (is_end[-1] or len(answer.tokens) == params.max_tokens):
        raise BadOpening(f"The answer to request {answer.request} goes on after its end, or ends before it.")
