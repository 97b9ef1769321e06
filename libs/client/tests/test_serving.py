"""The HTTP door and the fleet behind it, against replicas that write letters: form, failover, hostile input."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from assay.client.serving.fleet import Fleet
from assay.client.serving.flight import Question
from assay.client.serving.http import BODY_BYTES_MAX, Http
from assay.client.serving.payer import Payer
from assay.client.serving.replica import Replica
from assay.client.serving.server import listening
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from assay.proof.served import is_signed
from assay.proof.voucher import Purse, Stream, Voucher, check_voucher
from assay.schema.served import (
    ASKED,
    BUSY,
    MISNUMBERED,
    UNVOUCHED,
    Beat,
    ChatMessage,
    Payload,
    Piece,
    Request,
    Told,
    Turned,
    Vouched,
)

KEY, NAME, SECRET = Key.from_hex("22" * 32), "cd" * 32, "sk-test"
DOMAIN, PROVIDER, LEASE, STEP = Domain(31337, "0x" + "5a" * 20), "0x" + "77" * 20, "l" + "a" * 26, 8
WITHIN_S = 20.0


def payer_of(lease_id: str) -> Payer:
    return Payer(KEY, DOMAIN, Purse(Stream(lease_id, KEY.address, PROVIDER), STEP))


@dataclass
class Letters:
    """A replica that answers with the letters of the alphabet, from where the prefix ends; it may die after some."""

    fleet: Fleet
    replica: Replica
    next_number: int = 3
    dies_after: int = 1_000
    busy: int = 0
    is_open: bool = True
    asked: list[Request] = field(default_factory=list)
    told: int = 0
    vouched: list[Vouched] = field(default_factory=list)

    async def say(self, data: bytes, caller: str) -> None:
        said = ASKED.validate_json(data)
        if isinstance(said, Vouched):
            self.vouched.append(said)
            return
        self.asked.append(said)
        asyncio.get_running_loop().create_task(self._answer(said))

    async def settled(self, units: int) -> None:
        """Return when so much is vouched for, which at the end of an answer is in a moment. Raises TimeoutError."""
        async with asyncio.timeout(WITHIN_S):
            while not self.vouched or self.vouched[-1].units < units:
                await asyncio.sleep(0.01)

    async def tell(self, word: Told | Turned | Beat) -> None:
        if self.dies_after > 0:
            await self.fleet.hear(self.replica, word.model_dump_json().encode())

    async def _answer(self, request: Request) -> None:
        if request.number != self.next_number or self.busy:
            code, self.busy = (MISNUMBERED, self.busy) if not self.busy else (BUSY, self.busy - 1)
            await self.tell(Turned(request_id=request.request_id, code=code, next=self.next_number))
            return
        self.next_number += 1
        payload = Payload.model_validate_json(request.payload)
        for position in range(len(payload.prefix), payload.max_tokens):
            finish = "length" if position + 1 == payload.max_tokens else ""
            text = "abcdefghijklmnopqrstuvwxyz"[position % 26]
            piece = Piece(request_id=request.request_id, position=position, token=position, text=text, finish=finish)
            await self.tell(Told(pieces=(piece,)))
            self.told += self.dies_after > 0
            self.dies_after -= 1
            await asyncio.sleep(0)


@dataclass
class Door:
    """A running door with its replicas."""

    port: int
    letters: list[Letters]

    async def ask(self, body: Any, *, key: str = SECRET, path: str = "/v1/chat/completions") -> tuple[int, bytes]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: {len(raw)}\r\n"
        return await self.send(head.encode() + b"connection: close\r\n\r\n" + raw)

    async def send(self, raw: bytes) -> tuple[int, bytes]:
        async with asyncio.timeout(WITHIN_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(raw)
            answer = await reader.read()
            writer.close()
        head, _, rest = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), unchunked(rest) if b"chunked" in head else rest


def unchunked(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        whole, body = whole + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return whole


def events_of(body: bytes) -> list[Any]:
    """The events of a stream, which end with [DONE]."""
    *events, last = [line.removeprefix(b"data: ") for line in body.split(b"\n\n") if line]
    assert last == b"[DONE]"
    return [json.loads(event) for event in events]


def text_of(events: list[Any]) -> str:
    return "".join(event["choices"][0]["delta"].get("content", "") for event in events if event["choices"])


def chat(**more: Any) -> dict[str, Any]:
    return {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20, **more}


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """Two replicas, the first one with a number that is not expected of it."""
    fleet = Fleet([])
    letters = []
    for _ in range(2):
        replica = Replica(NAME, KEY, "c" * 26)
        fleet.replicas.append(replica)
        letters.append(Letters(fleet, replica))
        replica.open(letters[-1], payer_of(LEASE), 0.0)
        await letters[-1].tell(Beat(request_ids=()))
    running = asyncio.create_task(fleet.run())
    async with listening(Http(fleet, "tiny", 64, [SECRET]), "127.0.0.1", 0) as port:
        yield Door(port, letters)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_an_answer_is_streamed_in_openais_form_and_asked_for_under_a_signature(door: Door) -> None:
    status, body = await door.ask(chat(stream=True, stream_options={"include_usage": True}))
    events = events_of(body)
    assert (status, text_of(events)) == (200, "abcdefghijklmnopqrst")
    assert events[0]["choices"][0]["delta"]["role"] == "assistant"
    assert {event["object"] for event in events} == {"chat.completion.chunk"}
    assert events[-2]["choices"][0]["finish_reason"] == "length"
    assert events[-1]["usage"]["completion_tokens"] == 20
    asked = door.letters[0].asked[-1]
    assert asked.number == 3
    assert is_signed(KEY.address, NAME, asked.number, asked.payload, asked.signature)


async def test_an_answer_that_is_not_streamed_is_one_object_and_models_are_listed(door: Door) -> None:
    status, body = await door.ask(chat(max_tokens=3))
    choice = json.loads(body)["choices"][0]
    assert (status, choice["message"], choice["finish_reason"]) == (
        200,
        {"role": "assistant", "content": "abc"},
        "length",
    )
    head = b"GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-test\r\nconnection: close\r\n\r\n"
    status, body = await door.send(head)
    assert (status, [model["id"] for model in json.loads(body)["data"]]) == (200, ["tiny"])


async def test_a_replica_that_dies_in_the_middle_is_not_noticed_by_the_user(door: Door) -> None:
    door.letters[0].dies_after = 7
    status, body = await door.ask(chat(stream=True))
    assert (status, text_of(events_of(body))) == (200, "abcdefghijklmnopqrst")
    carried_on = Payload.model_validate_json(door.letters[1].asked[-1].payload)
    assert carried_on.prefix == tuple(range(7))
    assert carried_on.seed == Payload.model_validate_json(door.letters[0].asked[-1].payload).seed


async def test_each_replica_has_vouchers_for_what_it_told_and_no_more_also_if_it_dies(door: Door) -> None:
    door.letters[0].dies_after = 11
    await door.ask(chat(stream=True))
    await door.ask(chat(max_tokens=5))
    first, second = door.letters
    assert (first.told, second.told) == (11, 14)
    await second.settled(14)
    assert second.vouched[-1].units == second.told and first.told - STEP < first.vouched[-1].units <= first.told
    for letters in door.letters:
        units = [each.units for each in letters.vouched]
        assert units == sorted(set(units)) and max(b - a for a, b in pairwise([0, *units])) <= STEP // 2
        for each in letters.vouched:
            check_voucher(DOMAIN, Stream(LEASE, KEY.address, PROVIDER), Voucher(each.units, each.signature))


async def test_a_voucher_that_was_lost_is_told_again_and_what_nobody_asked_for_is_not_owed(door: Door) -> None:
    await door.ask(chat(max_tokens=6))
    letters = door.letters[0]
    await letters.settled(6)
    (request,) = letters.asked[-1:]
    for position, request_id in ((0, "z" * 26), (3, request.request_id), (60, request.request_id)):
        await letters.tell(Told(pieces=(Piece(request_id=request_id, position=position, token=1, text="x"),)))
    given = len(letters.vouched)
    await letters.tell(Beat(request_ids=(), vouched=6))
    assert len(letters.vouched) == given
    await letters.tell(Beat(request_ids=(), vouched=0, code=UNVOUCHED))
    assert letters.vouched[given:] == letters.vouched[given - 1 : given]


async def test_a_token_goes_out_before_the_voucher_for_it_is_signed() -> None:
    fleet, replica, order = Fleet([]), Replica(NAME, KEY, "c" * 26), list[str]()

    class Way:
        is_open = True

        async def say(self, data: bytes, caller: str) -> None:
            order.append(type(ASKED.validate_json(data)).__name__)

    async def read() -> None:
        question = Question((ChatMessage(role="user", content="hi"),), 1, 1.0, 1.0, 9)
        async for piece in fleet.answer(question):
            order.append(type(piece).__name__)

    replica.open(Way(), Payer(KEY, DOMAIN, Purse(Stream(LEASE, KEY.address, PROVIDER), 1)), 0.0)
    replica.is_heard = True
    fleet.replicas.append(replica)
    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    piece = Piece(request_id=next(iter(replica.flights)), position=0, token=1, text="a")
    await fleet.hear(replica, Told(pieces=(piece,)).model_dump_json().encode())
    assert order == ["Request", "Piece", "Vouched"]
    reading.cancel()


async def test_many_at_once_are_all_answered_though_numbers_clash_and_replicas_are_busy(door: Door) -> None:
    door.letters[0].busy = 5
    found = await asyncio.gather(*(door.ask(chat(max_tokens=n)) for n in range(1, 33)))
    texts = [json.loads(body)["choices"][0]["message"]["content"] for status, body in found]
    assert [len(text) for text in texts] == list(range(1, 33))


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b"{", 400, None),
        (b"[" * 100_000, 400, None),
        (b'{"model": "\xff"}', 400, None),
        (chat(model="another"), 404, "model"),
        (chat(max_tokens=65), 400, "max_tokens"),
        (chat(max_tokens=10**400), 400, "max_tokens"),
        (chat(max_tokens=-1), 400, "max_tokens"),
        (chat(messages=[]), 400, "messages"),
        (chat(messages=[{"role": "tool", "content": "x"}]), 400, "messages.0.role"),
        (chat(messages=[{"role": "user", "content": "x" * 200_000}]), 400, "messages"),
        (chat(temperature=float("nan")), 400, "temperature"),
        (chat(stop=["x"]), 400, "stop"),
        (chat(n=2), 400, "n"),
    ],
)
async def test_hostile_input_is_refused_in_openais_form(door: Door, body: Any, status: int, param: str | None) -> None:
    found, said = await door.ask(body)
    error = json.loads(said)["error"]
    assert (found, error["type"], error["param"]) == (status, "invalid_request_error", param)
    assert not any(letters.asked for letters in door.letters)


async def test_a_body_that_is_too_big_is_refused_before_it_is_read(door: Door) -> None:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {SECRET}\r\n"
    size = f"connection: close\r\ncontent-length: {BODY_BYTES_MAX + 1}\r\n\r\n"
    status, said = await door.send((head + size).encode())
    assert (status, json.loads(said)["error"]["type"]) == (413, "invalid_request_error")


async def test_without_the_key_nothing_is_answered(door: Door) -> None:
    for key in ("", "sk-tes", "sk-test2"):
        status, said = await door.ask(chat(), key=key)
        assert (status, json.loads(said)["error"]["code"]) == (401, "invalid_api_key")


async def test_a_reader_that_takes_nothing_holds_up_nobody(door: Door) -> None:
    raw = json.dumps(chat(max_tokens=64, stream=True)).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {SECRET}\r\n".encode()
    writers = []
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(head + f"content-length: {len(raw)}\r\n\r\n".encode() + raw)
        writers.append(writer)
    status, body = await door.ask(chat(stream=True))
    assert (status, len(text_of(events_of(body)))) == (200, 20)
    for writer in writers:
        writer.transport.abort()
