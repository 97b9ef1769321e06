"""A reader that takes nothing off is given up, and what was asked for it with it."""

import asyncio
import json
from typing import Any

import pytest
from libs.client.tests.test_serving import KEY, LEASE, NAME, SECRET, WITHIN_S, Letters, chat, payer_of

from assay.client.serving import http
from assay.client.serving.fleet import Fleet
from assay.client.serving.http import Http
from assay.client.serving.replica import Replica
from assay.schema.served import Beat


async def test_a_reader_that_takes_nothing_for_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "STALL_S", 0.02)
    fleet, replica = Fleet([]), Replica(NAME, KEY, "c" * 26)
    fleet.replicas.append(replica)
    letters = Letters(fleet, replica)
    replica.open(letters, payer_of(LEASE), 0.0)
    await letters.tell(Beat(request_ids=()))
    body, given_up = json.dumps(chat(stream=True)).encode(), asyncio.Event()
    came = [{"type": "http.request", "body": body}]

    async def receive() -> dict[str, Any]:
        return came.pop() if came else await asyncio.Future()

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            try:
                await asyncio.Future()
            finally:
                given_up.set()

    headers = [(b"authorization", f"Bearer {SECRET}".encode()), (b"content-length", str(len(body)).encode())]
    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": headers}
    async with asyncio.timeout(WITHIN_S):
        await Http(fleet, "tiny", 64, [SECRET])(scope, receive, send)
    assert given_up.is_set() and not replica.flights
