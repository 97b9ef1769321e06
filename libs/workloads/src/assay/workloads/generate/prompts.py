"""The prompts of a job: lines of JSON, each {"prompt": text}."""

import json
from functools import lru_cache
from typing import Any

from assay.workloads.errors import BadData
from assay.workloads.text import HALVES

PROMPTS_BYTES_MAX = 64 << 20


@lru_cache(maxsize=2)
def read_prompts(data: bytes, requests: int) -> tuple[str, ...]:
    """Return the prompts of a JSONL with exactly so many lines. Raises BadData."""
    if len(data) > PROMPTS_BYTES_MAX:
        raise BadData(f"The prompts have {len(data)} bytes; {PROMPTS_BYTES_MAX} are allowed.")
    lines = data.splitlines()
    if len(lines) != requests:
        raise BadData(f"There are {len(lines)} prompts for {requests} requests.")
    return tuple(read_prompt(number, line) for number, line in enumerate(lines, start=1))


def read_prompt(number: int, line: bytes) -> str:
    """Return the prompt of one line. Raises BadData."""
    try:
        parsed: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadData(f"Line {number} of the prompts is not JSON.") from error
    prompt = parsed.get("prompt") if isinstance(parsed, dict) and len(parsed) == 1 else None
    if not isinstance(prompt, str) or not prompt or HALVES.search(prompt):
        raise BadData(f'Line {number} of the prompts is not {{"prompt": a text}}.')
    return prompt
