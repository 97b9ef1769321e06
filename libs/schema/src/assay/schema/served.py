"""What is said in the talk of a lease that serves: requests of a caller, and the provider's words about them.

A request's `payload` is signed as it stands, as text: whoever checks an answer later reads the same bytes. Requests of
a job are numbered from 0 without gaps, so that no provider can answer one of them twice and be paid for both.
"""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from assay.schema.values import Code, Signature
from assay.schema.voucher import Vouchable

PAYLOAD_BYTES_MAX: Final = 256 << 10
ANSWER_TOKENS_MAX: Final = 4096
TALK_BYTES_MAX: Final = 1 << 20
PIECES_MAX: Final = 1024
STEP_TOKENS: Final = 256
"""So many tokens a provider writes at most before they are vouched for, unless the job says otherwise."""

RequestId = Annotated[str, StringConstraints(pattern=r"^[a-z2-7]{26}$")]
Number = Annotated[int, Field(ge=0, lt=2**31)]
Token = Annotated[int, Field(ge=0, lt=2**31)]
Finish = Literal["", "stop", "length"]


class Talked(BaseModel):
    """A part of the talk."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ChatMessage(Talked):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, StringConstraints(max_length=PAYLOAD_BYTES_MAX)]


class Payload(Talked):
    """What is asked: the conversation, the seed that decides its answer, and the answer's bounds.

    `prefix` is the beginning of the answer that another provider has given already, in tokens: this one carries on.
    """

    messages: Annotated[tuple[ChatMessage, ...], Field(min_length=1, max_length=1024)]
    prefix: Annotated[tuple[Token, ...], Field(max_length=ANSWER_TOKENS_MAX)] = ()
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    temperature: Annotated[float, Field(ge=0.01, le=4, allow_inf_nan=False)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    max_tokens: Annotated[int, Field(ge=1, le=ANSWER_TOKENS_MAX)]


class Request(Talked):
    """A payload with its number among the job's, signed by the job's caller."""

    request_id: RequestId
    number: Number
    payload: Annotated[str, StringConstraints(max_length=PAYLOAD_BYTES_MAX)]
    signature: Signature


class Vouched(Talked):
    """Caller to provider: the requester's voucher for so many units of the lease altogether."""

    said: Literal["vouched"] = "vouched"
    units: Vouchable
    signature: Signature


class Piece(Talked):
    """One token of an answer, by its position, and what it adds to the text; the last one says how the answer ended.

    The first one that a provider tells says how many tokens the conversation has.
    """

    request_id: RequestId
    position: Annotated[int, Field(ge=0, lt=ANSWER_TOKENS_MAX)]
    token: Token
    text: Annotated[str, StringConstraints(max_length=PAYLOAD_BYTES_MAX)]
    finish: Finish = ""
    prompt_tokens: Annotated[int, Field(ge=0, lt=2**31)] = 0


class Told(Talked):
    """Provider to caller: what one step of the model added to the caller's answers."""

    said: Literal["told"] = "told"
    pieces: Annotated[tuple[Piece, ...], Field(max_length=PIECES_MAX)]


class Turned(Talked):
    """Provider to caller: a request that is not answered, and the number that the next one must have."""

    said: Literal["turned"] = "turned"
    request_id: RequestId
    code: Code
    detail: Annotated[str, StringConstraints(max_length=400)] = ""
    next: Number | None = None


class Beat(Talked):
    """Provider to caller, several times a second: the caller's requests that it has in hand.

    `vouched` is the best voucher that it holds. With `code` it writes no more until a better one comes.
    """

    said: Literal["beat"] = "beat"
    request_ids: Annotated[tuple[RequestId, ...], Field(max_length=PIECES_MAX)]
    vouched: Annotated[int, Field(ge=0)] = 0
    code: Code | None = None


Word = Annotated[Told | Turned | Beat, Field(discriminator="said")]
WORD: Final[TypeAdapter[Told | Turned | Beat]] = TypeAdapter(Word)
ASKED: Final[TypeAdapter[Request | Vouched]] = TypeAdapter(Request | Vouched)
"""What a caller says."""

UNVOUCHED: Final = "voucher.awaited"
"""Why a provider pauses: it is a step ahead of what is vouched for."""

MISNUMBERED, BUSY, FULL, UNFIT, UNSIGNED = (
    "request.misnumbered",
    "request.busy",
    "request.full",
    "request.unfit",
    "request.unsigned",
)
"""Why a request is turned away: sign it again by `next`; ask another replica; the job has no more; it can have no
answer here, whoever is asked; the caller's key has not signed it."""
