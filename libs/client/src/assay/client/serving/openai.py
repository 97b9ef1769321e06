"""The form of OpenAI's chat completions: what is asked in it, what is answered, and what is refused. Pure.

What would change an answer and is not kept here is refused by name, never passed over.
"""

import json
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError, field_validator

from assay.schema.served import PAYLOAD_BYTES_MAX, ChatMessage

TEMPERATURE_MIN: Final = 0.01
"""What 0 is taken for: the likeliest token but for near ties."""
MESSAGES_BYTES_MAX: Final = PAYLOAD_BYTES_MAX // 2
"""The other half of a payload is for the tokens of an answer that another replica carries on."""
UNKEPT: Final = (
    *("tools", "tool_choice", "functions", "function_call", "stop", "logit_bias", "logprobs", "top_logprobs"),
    *("response_format", "audio", "modalities", "frequency_penalty", "presence_penalty"),
)
NEUTRAL: Final[tuple[JsonValue, ...]] = (None, False, 0, [], {}, "none", {"type": "text"}, ["text"])
"""Values of them that ask for nothing."""


class ApiError(Exception):
    """A refusal in OpenAI's form."""

    def __init__(self, status: int, kind: str, message: str, code: str | None = None, param: str | None = None) -> None:
        self.status, self.kind, self.message, self.code, self.param = status, kind, message, code, param
        super().__init__(message)

    def body(self) -> bytes:
        """The refusal as JSON."""
        error = {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}
        return json.dumps({"error": error}).encode()


def bad_request(message: str, param: str | None = None, code: str | None = None, status: int = 400) -> ApiError:
    """The error of whoever asks."""
    return ApiError(status, "invalid_request_error", message, code, param)


class TextPart(BaseModel):
    """A part of a message's content; there are no others here."""

    type: Annotated[str, StringConstraints(pattern="^text$")]
    text: str


class AskedMessage(BaseModel):
    """A message as clients send it."""

    role: Annotated[str, StringConstraints(pattern="^(system|developer|user|assistant)$")]
    content: str | list[TextPart]

    def plain(self) -> ChatMessage:
        """The message as replicas take it."""
        content = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return ChatMessage.model_validate({"role": self.role.replace("developer", "system"), "content": content})


class StreamOptions(BaseModel):
    include_usage: bool = False


class Chat(BaseModel):
    """The body of `POST /v1/chat/completions`."""

    model_config = ConfigDict(extra="allow")

    model: Annotated[str, StringConstraints(max_length=256)]
    messages: Annotated[list[AskedMessage], Field(min_length=1, max_length=1024)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: int | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None

    @field_validator("messages")
    @classmethod
    def fits(cls, messages: list[AskedMessage]) -> list[AskedMessage]:
        """Refuse a conversation that no replica takes, as it is written for one: a quote in it takes two bytes."""
        if sum(len(message.plain().model_dump_json().encode()) for message in messages) > MESSAGES_BYTES_MAX:
            raise ValueError(f"the messages have more than {MESSAGES_BYTES_MAX} bytes as JSON")
        return messages

    @property
    def wants_usage(self) -> bool:
        """Whether the stream is to end with how many tokens it had."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def tokens(self, most: int) -> int:
        """How long the answer may be. Raises ApiError above `most`."""
        asked = self.max_completion_tokens or self.max_tokens or most
        if asked > most:
            raise bad_request(f"max_tokens is {asked}; this model writes {most} at most.", "max_tokens")
        return asked


def read_chat(body: bytes) -> Chat:
    """What a body asks. Raises ApiError."""
    try:
        chat = Chat.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        raise bad_request(str(first["msg"])[:300], ".".join(map(str, first["loc"])) or None) from None
    except RecursionError:
        raise bad_request("The body is nested too deeply.") from None
    unkept = [name for name in UNKEPT if (chat.model_extra or {}).get(name) not in NEUTRAL]
    if unkept:
        raise bad_request(f"{unkept[0]} is not kept here.", unkept[0], "unsupported_parameter")
    return chat


TERSE: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
"""Made once: `json.dumps` makes one for each token."""


@dataclass(frozen=True, slots=True)
class Form:
    """How the parts of one answer are written."""

    id: str
    model: str
    created_s: int
    begun: str = field(init=False)
    """How every event begins, written once."""

    def __post_init__(self) -> None:
        head = TERSE.encode(self._object("chat.completion.chunk"))
        object.__setattr__(self, "begun", f'data: {head[:-1]},"choices":')

    def text(self, text: str) -> bytes:
        """The event of a token, which differs from the others in its text alone."""
        delta = f'[{{"index":0,"delta":{{"content":{TERSE.encode(text)}}},"finish_reason":null}}]}}\n\n'
        return (self.begun + delta).encode()

    def chunk(self, delta: dict[str, str], finish: str | None = None) -> bytes:
        """One event of the stream."""
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        return f"{self.begun}{TERSE.encode(choices)}}}\n\n".encode()

    def usage(self, prompt_tokens: int, tokens: int) -> bytes:
        """The event that says how many tokens question and answer had."""
        return f'{self.begun}[],"usage":{TERSE.encode(usage_of(prompt_tokens, tokens))}}}\n\n'.encode()

    def whole(self, content: str, finish: str, prompt_tokens: int, tokens: int) -> bytes:
        """The answer that is not streamed."""
        message = {"role": "assistant", "content": content}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        more = {"choices": [choice], "usage": usage_of(prompt_tokens, tokens)}
        return json.dumps(self._object("chat.completion") | more).encode()

    def _object(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created_s, "model": self.model}


DONE: Final = b"data: [DONE]\n\n"


def usage_of(prompt_tokens: int, tokens: int) -> dict[str, int]:
    """How many tokens were read and written."""
    return {"prompt_tokens": prompt_tokens, "completion_tokens": tokens, "total_tokens": prompt_tokens + tokens}


def models_of(names: list[str], created_s: int) -> bytes:
    """The answer to `GET /v1/models`."""
    data = [{"id": name, "object": "model", "created": created_s, "owned_by": "assay"} for name in names]
    return json.dumps({"object": "list", "data": data}).encode()
