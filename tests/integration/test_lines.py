"""Connections that a real server sees closed, by way of the gateway, in the eyes of matching."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from nats.aio.client import Client
from services.matching.tests.samples import party
from tests.servers import Core

from assay.bus import Door, JetStreamBus, Message, connect, connect_participant
from assay.bus.accounts import LOST, Network
from assay.devnet.nats import Nats
from assay.gateway.beats import PULSE, SUBJECT, Beats, LostLines
from assay.gateway.domain import Rates, Speaker
from assay.matching import beats as listening
from assay.matching.liveness import Liveness
from assay.matching.settings import Settings
from assay.runtime.participant import now_ms
from assay.schema.values import Role
from assay.store.waiting import wait_for_event

pytestmark = pytest.mark.server
WITHIN_S = 60.0
PATIENT = {"lapse_s": 3_600.0}
"""With such a lapse only a closed line can tell of anybody."""
MINE = party("p", 2)
PROCESS = """
import asyncio, json, sys
from assay.bus import connect_participant

async def main(url, creds, provider):
    door = await connect_participant(url, creds)
    while True:
        await door.beat(json.dumps({"provider": provider, "line": door.line}).encode())
        await asyncio.sleep(0.1)

asyncio.run(main(*sys.argv[1:]))
"""


@dataclass
class Relay:
    """A way to the server that can be cut, and that can stay shut."""

    url: str
    port: int = 0
    is_open: bool = True
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_open:
            writer.close()
            return
        target = urlsplit(self.url)
        there, back = await asyncio.open_connection(target.hostname, target.port)
        self.writers += [writer, back]
        await asyncio.gather(pump(reader, back), pump(there, writer))

    def cut(self) -> None:
        """Break all that goes through."""
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@dataclass
class Scene:
    """A core with the gateway's and matching's ears, and providers before it."""

    nats: Nats
    bus: JetStreamBus
    grant: Callable[[int], Awaitable[Path]]
    beats: Beats
    liveness: Liveness
    looks: int = 0

    async def until(self, is_so: Callable[[], object]) -> None:
        """Return once it is so, while the pulse goes on."""
        async with asyncio.timeout(WITHIN_S):
            while not is_so():
                with suppress(Exception):
                    await self.bus.say(PULSE, b"{}")
                await asyncio.sleep(0.05)

    async def start(self, number: int) -> asyncio.subprocess.Process:
        """A provider in a process of its own, once it is heard."""
        creds = await self.grant(number)
        arguments = [sys.executable, "-c", PROCESS, self.nats.url, str(creds), party("p", number)]
        process = await asyncio.create_subprocess_exec(*arguments)
        await self.until(lambda: self.liveness.lines.over.get(party("p", number)))
        return process

    async def enter(self, number: int, url: str) -> Door:
        """A provider that beats as the worker does, once it is heard."""
        door = await connect_participant(url, await self.grant(number))

        async def beat() -> None:
            while True:
                said = {"provider": party("p", number), "line": door.line}
                await door.beat(json.dumps(said).encode())
                await wait_for_event(door.back, 0.5)
                door.back.clear()

        self.beating.append((door, asyncio.create_task(beat())))
        await self.until(lambda: self.liveness.lines.over.get(party("p", number)) == door.line)
        return door

    beating: list[tuple[Door, asyncio.Task[None]]] = field(default_factory=list)

    def closed(self) -> set[str]:
        """The providers of whose line it was said that it was closed."""
        return set(self.liveness.lines.closed)


@pytest.fixture
async def open_scene(
    nats_server: Nats,
    nats_network: Network,
    nats_system: Client,
    nats_core: Core,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> AsyncIterator[Callable[[float], Awaitable[Scene]]]:
    """Makes a scene in a core of this test's own, with the grace that is asked for."""
    stopping, tasks, scenes = asyncio.Event(), list[asyncio.Task[None]](), list[Scene]()

    async def open_one(grace_s: float) -> Scene:
        bus = await connect(nats_core.url, nats_core.creds_file, "gateway")
        settings = Settings(postgres_dsn="postgresql://nobody", grace_s=grace_s, **PATIENT)
        ctx: Any = SimpleNamespace(bus=bus, now=now_ms, settings=settings, stopping=stopping)
        beats = Beats(ctx, Rates(1_000, 10_000))

        async def grant(number: int) -> Path:
            made = nats_network.grant("provider", f"p{number}")
            await nats_network.push(nats_system, made.account_jwt)
            speaker = Speaker(made.account_public, Role.PROVIDER, party("p", number))
            beats.speakers[made.account_public] = (speaker, 2**60)
            return nats_server.creds_file(made.account_public, made.creds_text)

        scene = Scene(nats_server, bus, grant, beats, Liveness())

        async def looked(*_: object) -> None:
            scene.looks += 1

        monkeypatch.setattr(listening, "run_now", looked)
        await bus.listen(SUBJECT, beats.take, "gateway")
        await bus.listen(LOST, LostLines(beats).take, "gateway")
        tasks.append(asyncio.create_task(listening.listener(scene.liveness)(ctx)))
        scenes.append(scene)
        await scene.until(lambda: scene.liveness.is_proven(now_ms()))
        return scene

    yield open_one
    stopping.set()
    await asyncio.gather(*tasks)
    for scene in scenes:
        for door, beating in scene.beating:
            beating.cancel()
            await door.close()
        await scene.bus.close()


OpenScene = Callable[[float], Awaitable[Scene]]


async def test_a_killed_process_is_missed_without_a_lapse(open_scene: OpenScene) -> None:
    scene = await open_scene(0.1)
    await scene.enter(1, scene.nats.url)
    killed = await scene.start(2)
    killed.kill()
    await killed.wait()
    await scene.until(lambda: scene.looks)
    assert scene.liveness.silent == {MINE: "provider.silent"}


async def test_a_second_connection_of_the_account_may_come_and_go(open_scene: OpenScene) -> None:
    scene = await open_scene(0.1)
    await scene.enter(1, scene.nats.url)
    worker = await scene.start(2)
    account = next(a for a, (speaker, _) in scene.beats.speakers.items() if speaker and speaker.participant == MINE)
    heard: list[Message] = []

    async def hear(message: Message) -> None:
        heard.append(message)

    await scene.bus.listen("assay.lost.*", hear)
    creds = next(scene.nats.folder.root.glob(f"creds/{account}.creds"))
    command = await connect_participant(scene.nats.url, creds)
    await command.close()
    await scene.until(lambda: heard)
    assert scene.closed() == set()
    worker.kill()
    await worker.wait()


async def test_a_line_that_blinks_costs_nothing(open_scene: OpenScene) -> None:
    scene = await open_scene(30.0)
    relay = Relay(scene.nats.url)
    server = await asyncio.start_server(relay.take, "127.0.0.1", 0)
    await scene.enter(1, scene.nats.url)
    door = await scene.enter(2, f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    before = door.line
    relay.cut()
    await scene.until(lambda: MINE in scene.closed())
    await scene.until(lambda: scene.liveness.lines.over[MINE] != before)
    assert (scene.liveness.lines.cut(), scene.liveness.silent, scene.looks) == ({}, {}, 0)
    server.close()
    relay.cut()


async def test_a_way_in_that_breaks_under_many_cuts_nobody_off(open_scene: OpenScene) -> None:
    scene = await open_scene(0.1)
    relay = Relay(scene.nats.url)
    server = await asyncio.start_server(relay.take, "127.0.0.1", 0)
    away = {party("p", number) for number in (1, 2, 3)}
    for number in (1, 2, 3):
        await scene.enter(number, f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    for number in (4, 5, 6):
        await scene.enter(number, scene.nats.url)
    relay.is_open = False
    relay.cut()
    await scene.until(lambda: scene.closed() == away and scene.liveness.lines.cut().keys() == away)
    since = now_ms()
    await scene.until(lambda: now_ms() - since > 500)
    assert (scene.liveness.cut_off(now_ms(), Settings(postgres_dsn="x", grace_s=0.1, **PATIENT).patience)) == {}
    assert (scene.liveness.silent, scene.looks) == ({}, 0)
    relay.is_open = True
    await scene.until(lambda: scene.liveness.lines.cut() == {})
    server.close()
    relay.cut()


async def test_a_server_that_is_restarted_cuts_nobody_off(open_scene: OpenScene) -> None:
    scene = await open_scene(0.1)
    doors = [await scene.enter(number, scene.nats.url) for number in (1, 2, 3)]
    before = {party("p", number): door.line for number, door in enumerate(doors, 1)}
    await scene.nats.stop()
    await scene.nats.start()
    await scene.until(lambda: all(scene.liveness.lines.over[who] != line for who, line in before.items()))
    assert (scene.closed(), scene.liveness.silent, scene.looks) == (set(), {}, 0)
