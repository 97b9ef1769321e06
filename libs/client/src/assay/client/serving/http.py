"""The door for users of served inference: OpenAI's chat completions over HTTP, as a plain ASGI application.

What comes in is bounded before it is read (bytes, time), what goes out waits for its reader: an answer that nobody
takes off holds its own tokens and no more, and its connection is given up after a while.
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from assay.client.serving.fleet import Fleet, Overloaded
from assay.client.serving.flight import Lost, Question
from assay.client.serving.openai import (
    DONE,
    TEMPERATURE_MIN,
    ApiError,
    Chat,
    Form,
    bad_request,
    models_of,
    read_chat,
)
from assay.schema.served import Piece

BODY_BYTES_MAX: Final = 1 << 20
LENGTH_DIGITS_MAX: Final = 20
BODY_S: Final = 30.0
STALL_S: Final = 30.0
"""For so long, and half as long again at most, a reader may take nothing before its connection is given up."""
JSON: Final = (b"content-type", b"application/json")
EVENTS: Final = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache"))

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(eq=False)
class Http:
    """The application. `keys` are the secrets that open it, `model` is the name that users call the model by."""

    fleet: Fleet
    model: str
    max_tokens: int
    keys: Sequence[str]
    created_s: int = field(default_factory=lambda: int(time.time()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        assert scope["type"] == "http"
        try:
            await self._route(scope, receive, send)
        except ApiError as error:
            await reply(send, error.status, error.body())

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        self._admit(headers)
        match scope["method"], scope["path"]:
            case "GET", "/v1/models":
                await reply(send, 200, models_of([self.model], self.created_s))
            case "POST", "/v1/chat/completions":
                await self._chat(read_chat(await read_body(headers, receive)), receive, send)
            case _, "/v1/models" | "/v1/chat/completions":
                raise bad_request("This is asked by another method.", status=405)
            case _:
                raise bad_request("There is no such address.", code="unknown_url", status=404)

    def _admit(self, headers: dict[bytes, bytes]) -> None:
        scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
        known = [hmac.compare_digest(key.strip(), own.encode()) for own in self.keys]
        if scheme.lower() != b"bearer" or not any(known):
            raise ApiError(401, "authentication_error", "The API key is wrong, or there is none.", "invalid_api_key")

    async def _chat(self, chat: Chat, receive: Receive, send: Send) -> None:
        if chat.model != self.model:
            raise bad_request(f"The model {chat.model!r} is not served here.", "model", "model_not_found", 404)
        question = question_of(chat, self.max_tokens)
        form = Form(f"chatcmpl-{secrets.token_hex(12)}", self.model, int(time.time()))
        writing = Writing(form, chat, send)
        leaving = asyncio.create_task(left(receive))
        try:
            async with watched(writing), aclosing(self.fleet.answer(question)) as pieces:
                async for piece in pieces:
                    if leaving.done():
                        return
                    await writing.write(piece)
        except Overloaded:
            raise ApiError(503, "server_error", "Too much is asked at a time: ask again soon.", "overloaded") from None
        except TimeoutError:
            # Whoever takes nothing off has left; what is asked is written to its end where it is.
            return
        finally:
            leaving.cancel()


@dataclass(eq=False)
class Writing:
    """One answer as it goes out."""

    form: Form
    chat: Chat
    send: Send
    parts: list[str] = field(default_factory=list)
    tokens: int = 0
    prompt_tokens: int = 0
    is_begun: bool = False
    out_s: float | None = None
    """Since when a part waits for its reader, by the loop's clock."""

    async def write(self, piece: Piece | Lost) -> None:
        """Write what has come. Raises ApiError before anything is sent."""
        if isinstance(piece, Lost):
            await self._fail(piece)
            return
        self.tokens += 1
        self.prompt_tokens = self.prompt_tokens or piece.prompt_tokens
        if self.chat.stream:
            await self._stream(piece)
            return
        self.parts.append(piece.text)
        if piece.finish:
            whole = self.form.whole("".join(self.parts), piece.finish, self.prompt_tokens, self.tokens)
            await self._out(reply(self.send, 200, whole))

    async def _stream(self, piece: Piece) -> None:
        said = b""
        if not self.is_begun:
            await begin(self.send, 200, EVENTS)
            self.is_begun, said = True, self.form.chunk({"role": "assistant", "content": ""})
        if piece.text:
            said += self.form.text(piece.text)
        if piece.finish:
            said += self.form.chunk({}, piece.finish)
            said += self.form.usage(self.prompt_tokens, self.tokens) if self.chat.wants_usage else b""
            said += DONE
        if said:
            await self._out(part(self.send, said, is_last=bool(piece.finish)))

    async def _fail(self, lost: Lost) -> None:
        message = f"{lost.code}: {lost.detail}"
        error = bad_request(message) if lost.is_users else ApiError(503, "server_error", message, "overloaded")
        if not self.is_begun:
            raise error
        await self._out(part(self.send, b"data: " + error.body() + b"\n\n", is_last=True))

    async def _out(self, sent: Awaitable[None]) -> None:
        self.out_s = asyncio.get_running_loop().time()
        await sent
        self.out_s = None


@asynccontextmanager
async def watched(writing: Writing) -> AsyncIterator[None]:
    """Raises TimeoutError in the block if the reader takes nothing.

    It looks now and then: a timer for each token would cost as much as all else that is done for it here.
    """
    loop = asyncio.get_running_loop()

    async def look() -> None:
        while True:
            await asyncio.sleep(STALL_S / 2)
            if writing.out_s is not None and loop.time() - writing.out_s >= STALL_S:
                limit.reschedule(loop.time())

    async with asyncio.timeout(None) as limit:
        looking = asyncio.create_task(look())
        try:
            yield
        finally:
            looking.cancel()


def question_of(chat: Chat, most: int) -> Question:
    """What replicas are asked for. Raises ApiError."""
    return Question(
        messages=tuple(message.plain() for message in chat.messages),
        seed=abs(chat.seed) % 2**63 if chat.seed is not None else secrets.randbits(63),
        temperature=max(TEMPERATURE_MIN, chat.temperature if chat.temperature is not None else 1.0),
        top_p=chat.top_p or 1.0,
        max_tokens=chat.tokens(most),
    )


async def read_body(headers: dict[bytes, bytes], receive: Receive) -> bytes:
    """The body. Raises ApiError for one that is too big, or comes too slowly."""
    too_big = bad_request(f"A body has at most {BODY_BYTES_MAX} bytes.", status=413)
    named = headers.get(b"content-length", b"0")
    if not named.isdigit() or len(named) > LENGTH_DIGITS_MAX or int(named) > BODY_BYTES_MAX:
        raise too_big
    body, is_more = b"", True
    try:
        async with asyncio.timeout(BODY_S):
            while is_more:
                message = await receive()
                body += message.get("body", b"")
                is_more = message.get("more_body", False)
                if len(body) > BODY_BYTES_MAX:
                    raise too_big
    except TimeoutError:
        raise bad_request("The body came too slowly.", status=408) from None
    return body


async def left(receive: Receive) -> None:
    """Return when whoever asked has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def reply(send: Send, status: int, body: bytes) -> None:
    """Answer with JSON."""
    await begin(send, status, (JSON, (b"content-length", str(len(body)).encode())))
    await part(send, body, is_last=True)


async def begin(send: Send, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Send the head of an answer."""
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def part(send: Send, body: bytes, is_last: bool) -> None:
    """Send a part of an answer."""
    await send({"type": "http.response.body", "body": body, "more_body": not is_last})
