"""Completions that no model wrote, as a cheat commits to them: well formed, and nothing behind them."""

from pathlib import Path
from typing import Final

import numpy as np

from assay.workloads.generate import GenerateParams
from assay.workloads.generate.answers import Answer, write_line, write_proof
from assay.workloads.generate.engine import load_wording
from assay.workloads.generate.sketch import NUMBERS, chunks_of
from assay.workloads.generate.state import read_checkpoint
from assay.workloads.task import Task

LETTER: Final = 70


def made_up(task: Task, before: bytes, segment: int) -> bytes:
    """The checkpoint after a segment whose answers are one letter each time, under sketches of nothing."""
    params = GenerateParams.model_validate(task.params)
    wording = load_wording(params.model, Path(task.models))
    sketch = np.ones((chunks_of(params.max_tokens), NUMBERS), np.float16)
    tokens = np.full(params.max_tokens, LETTER)
    answers = [Answer(request, tokens, sketch) for request in params.requests_of(segment)]
    lines = b"".join(write_line(answer, wording.text(answer.tokens), wording.ends) for answer in answers)
    return read_checkpoint(before).close(lines, write_proof(answers)).encode()
