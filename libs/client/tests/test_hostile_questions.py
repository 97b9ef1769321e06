"""Whatever is asked at the HTTP door, in whatever form: the answer is one of OpenAI's, and the door goes on."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libs.client.tests.test_serving import KEY, LEASE, NAME, SECRET, Letters, chat, payer_of

from assay.client.serving.fleet import Fleet
from assay.client.serving.http import Http, read_body
from assay.client.serving.openai import MESSAGES_BYTES_MAX, ApiError, read_chat
from assay.client.serving.replica import Replica
from assay.schema.served import Beat

WITHIN_S = 20.0
AUTH = (b"authorization", b"Bearer " + SECRET.encode())
ODD: tuple[Any, ...] = (None, True, 0, -1, 2**63, 10**40, 1e308, float("nan"), "", "\0", "x" * 300, [], {}, [None])
FIELDS = (
    "stream",
    "stream_options",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "seed",
    "n",
    "stop",
    "response_format",
)

values = st.recursive(st.sampled_from(ODD) | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3))
messages = st.fixed_dictionaries({"role": st.just("user") | values, "content": st.text(max_size=20) | values})
chats = st.fixed_dictionaries(
    {"model": st.just("tiny"), "messages": st.lists(messages, min_size=1, max_size=2), "max_tokens": st.just(2)},
    optional=dict.fromkeys(FIELDS, values),
)
bodies = chats.map(json.dumps).map(str.encode) | st.binary(max_size=60) | values.map(json.dumps).map(str.encode)
paths = st.sampled_from(("/v1/chat/completions",) * 6 + ("/v1/models", "/", "/v1/chat/completions/"))
lengths = st.lists(st.tuples(st.just(b"content-length"), st.sampled_from((b"9" * 5000, b"-1", b"", b"x"))), max_size=1)
asked = st.tuples(st.sampled_from(("POST", "POST", "GET", "PUT")), paths, lengths, bodies)


async def ask(app: Http, method: str, path: str, more: list[tuple[bytes, bytes]], body: bytes) -> tuple[int, bytes]:
    """What is answered: the status and all that follows."""
    came = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return came.pop() if came else await asyncio.sleep(WITHIN_S, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async with asyncio.timeout(WITHIN_S):
        await app({"type": "http", "method": method, "path": path, "headers": [AUTH, *more]}, receive, send)
    return sent[0]["status"], b"".join(each.get("body", b"") for each in sent)


async def a_door() -> tuple[Http, Letters]:
    """The application, with a replica that answers."""
    fleet = Fleet([])
    replica = Replica(NAME, KEY, "c" * 26)
    fleet.replicas.append(replica)
    letters = Letters(fleet, replica)
    replica.open(letters, payer_of(LEASE), 0.0)
    await letters.tell(Beat(request_ids=()))
    return Http(fleet, "tiny", 64, [SECRET]), letters


@settings(max_examples=30, deadline=None)
@given(st.lists(asked, min_size=1, max_size=20))
async def test_whatever_is_asked_is_answered_or_refused_by_a_typed_error(
    questions: list[tuple[str, str, list[tuple[bytes, bytes]], bytes]],
) -> None:
    app, letters = await a_door()
    for question in questions:
        status, said = await ask(app, *question)
        assert status == 200 or (400 <= status < 500 and json.loads(said)["error"]["type"])
    assert (await ask(app, "POST", "/v1/chat/completions", [], json.dumps(chat(max_tokens=2)).encode()))[0] == 200
    assert letters.replica.flights == {}


@pytest.mark.parametrize("character", ['"', "\\", "\0", "€", "x"])
async def test_a_conversation_is_as_long_as_it_is_written_for_a_replica(character: str) -> None:
    app, letters = await a_door()
    width = len(json.dumps(character, ensure_ascii=False).encode()) - 2
    for share, expected in ((0.9, 200), (1.1, 400)):
        content = character * int(MESSAGES_BYTES_MAX * share / width)
        body = json.dumps(chat(messages=[{"role": "user", "content": content}], max_tokens=2)).encode()
        if expected == 200:
            assert (await ask(app, "POST", "/v1/chat/completions", [], body))[0] == 200
        else:
            with pytest.raises(ApiError):
                read_chat(body)
    assert letters.replica.flights == {}


async def test_a_length_of_thousands_of_digits_is_too_big() -> None:
    with pytest.raises(ApiError) as refused:
        await read_body({b"content-length": b"9" * 5000}, asyncio.Event().wait)
    assert refused.value.status == 413
