"""A server that stops while answers are waited for says so to whoever waits."""

import asyncio
import json

import pytest
from libs.client.tests.test_serving import SECRET, Door, chat

from assay.client.serving.fleet import Fleet
from assay.client.serving.http import Http
from assay.client.serving.server import listening


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_who_waits_as_a_server_stops_is_told_so_in_openais_form(is_streamed: bool) -> None:
    fleet = Fleet([])
    async with listening(Http(fleet, "tiny", 64, [SECRET]), "127.0.0.1", 0) as port:
        door = Door(port, [])
        asking = asyncio.create_task(door.ask(chat(stream=is_streamed)))
        while not fleet.unplaced:
            await asyncio.sleep(0.01)
        fleet.stop()
        answers = [await asking, await door.ask(chat())]
    assert [status for status, _ in answers] == [503, 503]
    assert all("serve.stopped" in json.loads(body)["error"]["message"] for _, body in answers)
