"""Questions to a service: its own, and those of the shell on dead letters and the outbox."""

import json
import logging
from collections.abc import Mapping
from typing import Any, Final

from assay.bus.refusal import refuse
from assay.runtime.again import QUESTIONS as AGAIN
from assay.runtime.context import Context
from assay.runtime.dead import QUESTIONS as DEAD
from assay.runtime.service import Question
from assay.schema import PREFIX
from assay.schema.errors import AssayError, Refused

log = logging.getLogger(__name__)


SHELL_QUESTIONS: Final[Mapping[str, Question]] = {**DEAD, **AGAIN}


def questions_of(ctx: Context) -> Mapping[str, Question]:
    """Every question that the service answers, by name."""
    return {**SHELL_QUESTIONS, **ctx.service.questions}


def subject_of(service: str, question: str) -> str:
    """Where a question is asked."""
    return f"{PREFIX}.ask.{service}.{question}"


async def answer(ctx: Context, question: Question, body: bytes) -> tuple[Mapping[str, str], bytes]:
    """The headers and the body of the answer; a typed error becomes a typed refusal."""
    try:
        return {}, json.dumps(await question(ctx, _parse(body))).encode()
    except AssayError as error:
        return refuse(error)


def _parse(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise Refused("event.malformed", f"The question is no JSON: {error}.") from None
    if not isinstance(parsed, dict):
        raise Refused("event.malformed", "The question is no JSON object.")
    return parsed
