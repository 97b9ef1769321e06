"""The gate: what it does with those who resolve, connect, send and wait as no friend would."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from assay.workloads.egress import gate as module
from assay.workloads.egress import outside
from assay.workloads.egress.gate import Gate
from assay.workloads.egress.outside import READ_BYTES, Outside, Stream

PUBLIC = "93.184.215.14"
LISTED = ("public.example:80", "public.example:443")


class World:
    """Names with addresses, and one server behind all of them that says back what it hears."""

    def __init__(self, port: int) -> None:
        self.port, self.addresses, self.connected = port, [[PUBLIC]], list[str]()

    async def resolve(self, host: str) -> list[str]:
        return self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0]

    async def connect(self, address: str, port: int) -> Stream:
        self.connected.append(address)
        return await asyncio.open_connection("127.0.0.1", self.port, limit=READ_BYTES)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(READ_BYTES):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    yield World(server.sockets[0].getsockname()[1])
    server.close()


class Ask:
    """What asks a gate as a program in its box would."""

    def __init__(self, listener: socket.socket) -> None:
        self._at = listener.getsockname()

    async def connect(self) -> Stream:
        return await asyncio.open_connection(*self._at)

    async def __call__(self, *parts: bytes, size: int = -1) -> bytes:
        reader, writer = await self.connect()
        for part in parts:
            writer.write(part)
        try:
            return await (reader.read() if size < 0 else reader.readexactly(size))
        finally:
            writer.close()


@pytest.fixture
async def held(world: World) -> AsyncIterator[tuple[Gate, Ask]]:
    listener = socket.create_server(("127.0.0.1", 0))
    gate = Gate(LISTED, Outside(world.resolve, world.connect))
    with socket.socket(fileno=os.dup(gate.end)) as pair:
        socket.send_fds(pair, [b"1"], [listener.fileno()])
    gate.inherited()
    gate.open()
    yield gate, Ask(listener)
    await gate.close()
    listener.close()


def code_of(said: bytes) -> str:
    return said.partition(b"\r\n\r\n")[2].partition(b":")[0].decode()


@pytest.mark.parametrize(
    "addresses",
    [
        *(["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["::1"], ["::ffff:127.0.0.1"], ["fe80::1"]),
        *([PUBLIC, "10.0.0.1"], ["::ffff:169.254.169.254", PUBLIC]),
    ],
)
async def test_a_listed_name_that_leads_inside_is_not_connected_to(
    world: World, held: tuple[Gate, Ask], addresses: list[str]
) -> None:
    world.addresses = [addresses]
    assert code_of(await held[1](b"CONNECT public.example:443 HTTP/1.1\r\n\r\n")) == "egress.address"
    assert not world.connected


async def test_a_name_is_resolved_once_so_that_it_cannot_be_another_when_it_is_connected_to(
    world: World, held: tuple[Gate, Ask]
) -> None:
    world.addresses = [[PUBLIC], ["127.0.0.1"]]
    said = await held[1](b"CONNECT public.example:443 HTTP/1.1\r\n\r\n", b"ping", size=30)
    assert said == b"HTTP/1.1 200 Connected\r\n\r\nping"
    assert world.connected == [PUBLIC]


async def test_this_machines_own_address_is_not_reached_though_it_is_public(
    world: World, held: tuple[Gate, Ask], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outside.is_own("127.0.0.1") and not outside.is_own("not an address")
    monkeypatch.setattr(outside, "is_public", lambda address: True)
    world.addresses = [["127.0.0.1"]]
    assert code_of(await held[1](b"CONNECT public.example:443 HTTP/1.1\r\n\r\n")) == "egress.address"


async def test_nothing_rides_behind_a_message(world: World, held: tuple[Gate, Ask]) -> None:
    """What the server hears is what it says back: the second request is not among it."""
    one = b"POST http://public.example/a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"
    two = b"GET http://public.example/b HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    own = b"POST /a HTTP/1.1\r\nHost: public.example\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
    said = await held[1](one + two, size=len(own))
    assert said == own
    assert held[0].take() == len(one) - 2 + 2 + len(own)


LONG = b"GET http://public.example/ HTTP/1.1\r\nX: " + b"a" * READ_BYTES


@pytest.mark.parametrize(
    ("parts", "code"),
    [((LONG, LONG, b"\r\n\r\n"), "egress.too_large"), ((b"GET http://public.example/ HT",), "egress.slow")],
)
async def test_who_says_too_much_or_nothing_is_told_so(
    held: tuple[Gate, Ask], monkeypatch: pytest.MonkeyPatch, parts: tuple[bytes, ...], code: str
) -> None:
    monkeypatch.setattr(module, "HEAD_S", 0.2)
    assert code_of(await held[1](*parts)) == code


async def test_a_tunnel_in_which_nothing_is_said_ends(held: tuple[Gate, Ask], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_S", 0.2)
    said = await held[1](b"CONNECT public.example:443 HTTP/1.1\r\n\r\n")
    assert said == b"HTTP/1.1 200 Connected\r\n\r\n"


async def test_bytes_and_connections_of_a_segment_are_bounded_and_the_next_has_its_own(
    held: tuple[Gate, Ask], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gate, ask = held
    connect = b"CONNECT public.example:443 HTTP/1.1\r\n\r\n"
    monkeypatch.setattr(module, "SEGMENT_BYTES_MAX", 1_000)
    assert len(await ask(connect, bytes(5_000))) < 1_000
    assert "egress.bytes" in caplog.text
    assert gate.take() > 1_000
    monkeypatch.setattr(module, "SEGMENT_CONNECTIONS_MAX", 1)
    refused = b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n"
    assert [code_of(await ask(refused)) for _ in range(2)] == ["egress.unlisted", "egress.connections"]
    gate.take()
    assert code_of(await ask(refused)) == "egress.unlisted"


async def test_those_beyond_the_most_at_a_time_wait_their_turn(
    held: tuple[Gate, Ask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEAD_S", 0.2)
    idle = [held[1](b"GET") for _ in range(module.CONNECTIONS_MAX)]
    *slow, last = await asyncio.gather(*idle, held[1](b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n"))
    assert {code_of(each) for each in slow} == {"egress.slow"} and code_of(last) == "egress.unlisted"


async def test_who_reads_nothing_of_what_it_asked_for_is_cut_off(
    world: World, held: tuple[Gate, Ask], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what is left for it would stay in the worker's memory; its turn is another's once it is cut off."""
    monkeypatch.setattr(module, "HEAD_S", 0.2)
    monkeypatch.setattr(module, "IDLE_S", 0.2)
    ways = [await held[1].connect() for _ in range(module.CONNECTIONS_MAX)]
    for _, writer in ways:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"CONNECT public.example:443 HTTP/1.1\r\n\r\n" + bytes(8 << 20))
    assert code_of(await held[1](b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n")) == "egress.unlisted"
    for _, writer in ways:
        writer.transport.abort()


async def test_a_gate_that_is_closed_ends_what_it_holds(held: tuple[Gate, Ask]) -> None:
    async def asked() -> Any:
        return await held[1](b"CONNECT public.example:443 HTTP/1.1\r\n\r\n")

    asking = asyncio.create_task(asked())
    await asyncio.sleep(0.1)
    await held[0].close()
    assert await asking in (b"", b"HTTP/1.1 200 Connected\r\n\r\n")


async def test_names_that_are_slow_to_resolve_take_few_threads_and_only_their_own_boxs(
    world: World, held: tuple[Gate, Ask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "CONNECT_S", 0.1)
    asked, answered = list[str](), asyncio.Event()

    async def slow(host: str) -> list[str]:
        asked.append(host)
        await answered.wait()
        raise OSError("no such name")

    monkeypatch.setattr(held[0], "_outside", Outside(slow, world.connect))
    connect = b"CONNECT public.example:443 HTTP/1.1\r\n\r\n"
    for _ in range(2):
        said = await asyncio.gather(*(held[1](connect) for _ in range(2 * module.LOOKUPS_MAX)))
        assert {code_of(each) for each in said} == {"egress.unresolved"}
    assert len(asked) == module.LOOKUPS_MAX
    answered.set()
    monkeypatch.setattr(held[0], "_outside", Outside(world.resolve, world.connect))
    world.addresses = [[PUBLIC]]
    assert (await held[1](connect, b"ping", size=30)).endswith(b"ping")
