"""A request as the model gets it: signed, within the job's bounds, in tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from assay.proof.served import is_signed
from assay.schema.served import FULL, MISNUMBERED, UNFIT, UNSIGNED, ChatMessage, Payload, Request
from assay.workloads.errors import BadData
from assay.workloads.generate.engine import Engine, Wording
from assay.workloads.serve.errors import TurnedAway
from assay.workloads.serve.params import ServeParams
from assay.workloads.serve.sampling import RequestSampling
from assay.workloads.templates import write_chat


@dataclass(frozen=True)
class Asked:
    """A request that is answered: its payload, how its tokens are drawn, and the tokens of its conversation."""

    request: Request
    payload: Payload
    sampling: RequestSampling
    prompt: list[int]


def read_asked(engine: Engine, params: ServeParams, request: Request, next_number: int) -> Asked:
    """Return the request, if it can be answered. Raises TurnedAway."""
    if next_number >= params.requests:
        raise TurnedAway(FULL, f"The job answers {params.requests} requests, and has them all.")
    if request.number != next_number:
        raise TurnedAway(MISNUMBERED, f"The next request is {next_number}.", next_number)
    payload = read_payload(params, request, engine)
    try:
        prompt = encode(engine.tokenizer, payload.messages)
    except BadData as error:
        raise TurnedAway(UNFIT, error.detail) from None
    room = min(params.prompt_tokens_max, engine.positions_max - payload.max_tokens)
    if not 1 <= len(prompt) <= room:
        raise TurnedAway(UNFIT, f"The messages have {len(prompt)} tokens; 1 to {room} fit.")
    return Asked(request, payload, RequestSampling.of(params, payload), prompt)


def read_payload(params: ServeParams, request: Request, wording: Wording) -> Payload:
    """Return the payload of a request, signed and within bounds. Raises TurnedAway."""
    if not is_signed(params.caller, params.name, request.number, request.payload, request.signature):
        raise TurnedAway(UNSIGNED, "The job's caller has not signed it.")
    try:
        payload = Payload.model_validate_json(request.payload)
    except ValidationError as error:
        raise TurnedAway(UNFIT, f"payload: {error.errors()[0]['msg']}"[:300]) from None
    if payload.max_tokens > params.max_tokens:
        raise TurnedAway(UNFIT, f"An answer of this job has at most {params.max_tokens} tokens.")
    if len(payload.prefix) >= payload.max_tokens:
        raise TurnedAway(UNFIT, "The answer is complete already.")
    if any(token in wording.ends or token >= wording.vocabulary for token in payload.prefix):
        raise TurnedAway(UNFIT, "The beginning of the answer has tokens that cannot stand there.")
    return payload


def encode(tokenizer: Any, messages: Sequence[ChatMessage]) -> list[int]:
    """Return the tokens of a conversation, as the model was trained for chat; else of its messages, a line each.

    Raises BadData if the model's template refuses it.
    """
    if not tokenizer.chat_template:
        return list(tokenizer.encode("\n".join(message.content for message in messages)))
    text = write_chat(tokenizer, [message.model_dump() for message in messages], opens_answer=True)
    return list(tokenizer.encode(text, add_special_tokens=False))
